/** What runs in a process of its own for the user, and how it is asked for. */
import type { EvaluationProtocol, FeatureKind, ProbePresetName } from '../config/evaluation-choices';
import type { DownloadProgress } from '../hub/progress';
import type { RunKey } from '../protocol/dashboard';

export type JobSpec =
  | { readonly kind: 'pretrain'; readonly configFile: string; readonly set?: Readonly<Record<string, string>>; readonly name?: string; /** For the run's log. */ readonly note?: string; /** From which `configFile` was frozen; its text is in source.yaml beside that. */ readonly experimentFile?: string }
  | { readonly kind: 'sweep'; readonly configFile: string }
  | { readonly kind: 'cell'; /** The sweep's json. */ readonly sweep: string; readonly index: number; /** Run it anew where it failed. */ readonly retry?: boolean }
  | { readonly kind: 'resume'; readonly run: string; /** Absent: the newest good one. */ readonly step?: number }
  | { readonly kind: 'evaluate'; readonly run: string; readonly step?: number; readonly protocol: EvaluationProtocol; readonly preset?: ProbePresetName; readonly features?: FeatureKind; readonly layers?: 'all' | readonly number[]; readonly labelFraction?: number };

export type JobState = 'starting' | 'running' | 'done' | 'stopped' | 'failed' | 'lost';

export interface Job {
  readonly id: string;
  /** The job's own folder: job.json, output.log, exit.json. */
  readonly folder: string;
  readonly spec: JobSpec;
  readonly state: JobState;
  readonly startedAt: string;
  /** The run it trains or evaluates, once known; for a sweep the run at work. */
  readonly run?: RunKey;
  /** Of weights that it downloads before its run begins. */
  readonly download?: DownloadProgress;
  /** Why it failed, in the words of its output; no stack traces. */
  readonly message?: string;
}

/** Starts detached jobs and finds them again; everything is on disk, so any number of windows may look. */
export interface JobBoard {
  readonly jobs: readonly Job[];
  /** @throws UserError where the worker cannot be started or the folder is not writable. */
  start(spec: JobSpec): Promise<Job>;
  /** Asks the job's run to save a checkpoint and end; ends a job that has no run yet. */
  stop(job: Job): Promise<void>;
  refresh(): Promise<void>;
  onChange(listener: () => void): () => void;
  dispose(): void;
}
