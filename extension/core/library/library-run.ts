/** A run as everything that shows runs knows it, whether this product made it or not. */
import type { ResolvedExperiment } from '../config/schema';
import type { RunDisplayState, RunKey } from '../protocol/dashboard';
import type { RunStatus } from '../runs/run-status';

/** One probe result. */
export interface RunEvaluation {
  readonly protocol: string;
  readonly step: number;
  /** `student`, `ema-student`, `random`, `teacher`. */
  readonly subject: string;
  readonly features: string;
  /** Share of the test images, 0–1. */
  readonly top1: number;
  /** Standard deviation of `top1`, where it is a mean over several draws. */
  readonly top1Std?: number;
  readonly layer?: number;
  /** How different the features of different images are; see series/early-warnings.ts. */
  readonly collapseStd?: number;
  readonly rankMe?: number;
  /** Of the features. */
  readonly featureWidth?: number;
}

export interface RunCheckpoint {
  readonly path: string;
  readonly step: number;
  readonly epoch: number;
  readonly bytes: number;
  readonly createdAt: string;
}

/** What the user wrote on a run; kept beside the runs, not in them. */
export interface RunMarks {
  readonly name?: string;
  readonly starred: boolean;
  readonly tags: readonly string[];
  readonly color?: number;
}

export interface LibraryRun {
  readonly key: RunKey;
  /** Folder name, or the name of an external run. */
  readonly id: string;
  /** `marks.name` or the id. */
  readonly name: string;
  readonly origin: 'mim' | 'mae-log' | 'tensorboard' | 'csv';
  readonly state: RunDisplayState;
  readonly sweep?: string;
  readonly status?: RunStatus;
  /** The newest record of a run made elsewhere, which has no status. */
  readonly last?: { readonly step: number; readonly loss?: number };
  /** Absent where config.yaml is damaged and for runs made elsewhere. */
  readonly config?: ResolvedExperiment;
  /** The *.mim.yaml the run was started from, where that is known and still there. */
  readonly experimentFile?: string;
  readonly marks: RunMarks;
  readonly evaluations: readonly RunEvaluation[];
  readonly checkpoints: readonly RunCheckpoint[];
  /** What is wrong with the folder, as a sentence. */
  readonly problem?: string;
}
