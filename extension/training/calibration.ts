/** What was measured of a training, kept by what it is a measure of: the shapes, and the machine. */
import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import * as z from 'zod';
import type { ResolvedExperiment } from '../core/config/schema';
import { writeFileAtomically } from '../core/files/durable-files';

const calibrationSchema = z.object({
  /** Training images, and those of the probes. */
  images: z.int(),
  testImages: z.int().optional(),
  /** From nothing to the end of the first step: images, teacher, compiling. */
  startSeconds: z.number(),
  secondsPerStep: z.number(),
  checkpointBytes: z.number(),
  checkpointSeconds: z.number(),
  /** Of one image, for a probe; absent where nothing is evaluated. */
  secondsPerFeature: z.number().optional(),
  /** Of a line of metrics.jsonl. */
  bytesPerRecord: z.number(),
});

export type Calibration = z.output<typeof calibrationSchema>;

/** The same text for trainings whose steps cost the same: seeds, rates and schedules make no difference. */
export function costShape({ method, student, teacher, data, masking, alignment, optimizer, engine, evaluate, derived }: ResolvedExperiment): string {
  return JSON.stringify({
    method, student, teacher, data, alignment, engine,
    strategy: masking.strategy,
    averages: optimizer.ema !== undefined,
    batch: [optimizer.batch_size, optimizer.accumulate],
    keeps: [derived.keepCount, derived.patchCount, masking.throw_ratio, masking.ratio_end],
    probes: evaluate.length > 0,
  });
}

/** @param folder of the runs */
export async function recallCalibration(folder: string, shape: string): Promise<Calibration | undefined> {
  try {
    return calibrationSchema.parse(JSON.parse(await readFile(fileOf(folder, shape), 'utf8')));
  } catch {
    return undefined;
  }
}

export async function keepCalibration(folder: string, shape: string, calibration: Calibration): Promise<void> {
  const file = fileOf(folder, shape);
  await mkdir(path.dirname(file), { recursive: true });
  await writeFileAtomically(file, `${JSON.stringify(calibration, null, 2)}\n`);
}

function fileOf(folder: string, shape: string): string {
  const machine = [os.hostname(), os.cpus()[0]?.model, os.availableParallelism(), process.version];
  const key = createHash('sha256').update(JSON.stringify([machine, shape])).digest('hex');
  return path.join(folder, '.mim', 'calibration', `${key.slice(0, 32)}.json`);
}
