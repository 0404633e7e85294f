/**
 * A job's folder, which is all that any window knows of it.
 *
 *   job.json      what was asked for and which process does it; written by whoever started it
 *   worker.json   there once the worker has begun, and by which process; created exclusively, so that of several workers
 *                 one works and the others leave at once
 *   run.json      names the run it trains or evaluates
 *   download.json how far weights are that it downloads first; not looked at once there is a run
 *   exit.json     how it ended; written by the worker itself, or by the starter where the worker cannot be started
 *   output.log    all that was said
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import { FEATURE_KINDS, PROBE_PRESET_NAMES, PROTOCOLS } from '../config/evaluation-choices';
import type { DownloadProgress } from '../hub/progress';
import type { ProcessIdentity } from '../runs/processes';
import type { JobSpec } from './job';

const pretrain = z.object({ kind: z.literal('pretrain'), configFile: z.string(), set: z.record(z.string(), z.string()).optional(), name: z.string().optional(), note: z.string().optional(), experimentFile: z.string().optional() });
const sweep = z.object({ kind: z.literal('sweep'), configFile: z.string() });
const cell = z.object({ kind: z.literal('cell'), sweep: z.string(), index: z.int().min(0), retry: z.boolean().optional() });
const resume = z.object({ kind: z.literal('resume'), run: z.string(), step: z.int().optional() });
const evaluate = z.object({
  kind: z.literal('evaluate'),
  run: z.string(),
  step: z.int().optional(),
  protocol: z.enum(PROTOCOLS),
  preset: z.enum(PROBE_PRESET_NAMES).optional(),
  features: z.enum(FEATURE_KINDS).optional(),
  labelFraction: z.number().gt(0).lt(1).optional(),
  layers: z.union([z.literal('all'), z.array(z.int().min(1)).readonly()]).optional(),
});

export const jobSpecSchema = z.union([pretrain, sweep, cell, resume, evaluate]) satisfies z.ZodType<JobSpec>;

const processSchema = z.object({ pid: z.int(), host: z.string(), processStart: z.string() });

export const jobRecordSchema = z.object({
  spec: jobSpecSchema,
  argv: z.array(z.string()),
  /** ISO 8601. */
  startedAt: z.string(),
  host: z.string(),
  /** Absent in the moment before the process is there. */
  process: processSchema.optional(),
});

/** Host and start are absent where somebody else's worker wrote only what it had to. */
const workerSchema = processSchema.partial({ host: true, processStart: true });

const downloadSchema = z.object({ file: z.string(), received: z.number(), total: z.number() }) satisfies z.ZodType<DownloadProgress>;

const runRecordSchema = z.object({ run: z.string() });

export const exitRecordSchema = z.object({
  /** Exit code; absent where the worker could not be started. */
  code: z.int().optional(),
  state: z.enum(['done', 'stopped', 'failed']),
  message: z.string().optional(),
  at: z.string(),
});

export type JobRecord = z.output<typeof jobRecordSchema>;
export type ExitRecord = z.output<typeof exitRecordSchema>;

/** Name of the environment variable that tells a worker its job's folder. */
export const JOB_VARIABLE = 'MIM_JOB';

export const readJobRecord = (folder: string): Promise<JobRecord | undefined> => readRecord(folder, 'job.json', jobRecordSchema);
export const readExitRecord = (folder: string): Promise<ExitRecord | undefined> => readRecord(folder, 'exit.json', exitRecordSchema);
export const hasBegun = async (folder: string): Promise<boolean> => (await readRecord(folder, 'worker.json', workerSchema)) !== undefined;
/** The process at work. */
export const readWorker = (folder: string): Promise<ProcessIdentity | undefined> => readRecord(folder, 'worker.json', processSchema);
export const readRun = async (folder: string): Promise<string | undefined> => (await readRecord(folder, 'run.json', runRecordSchema))?.run;
export const readDownload = (folder: string): Promise<DownloadProgress | undefined> => readRecord(folder, 'download.json', downloadSchema);

/** Undefined where the file is absent or damaged. */
async function readRecord<Schema extends z.ZodType>(folder: string, name: string, schema: Schema): Promise<z.output<Schema> | undefined> {
  try {
    return schema.parse(JSON.parse(await readFile(path.join(folder, name), 'utf8')));
  } catch {
    return undefined;
  }
}
