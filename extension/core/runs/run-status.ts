/** What a run says of itself, in status.json. */
import * as z from 'zod';

export const statusSchema = z.object({
  state: z.enum(['running', 'paused', 'finished', 'stopped', 'failed']),
  pid: z.int(),
  host: z.string(),
  processStart: z.string(),
  /** ISO 8601. */
  startedAt: z.string(),
  updatedAt: z.string(),
  step: z.number(),
  totalSteps: z.number(),
  epoch: z.number(),
  totalEpochs: z.number(),
  loss: z.number().nullable().optional(),
  /** Why it stopped or failed, as a sentence. */
  message: z.string().optional(),
  imagesPerSecond: z.number().optional(),
  /** Distinct images that could not be read so far. */
  unreadableImages: z.int().min(0).optional(),
});

export type RunStatus = z.output<typeof statusSchema>;

/** `lost`: it says it is running or paused but its process is gone or silent. */
export type RunState = RunStatus['state'] | 'lost';
