/** What `bench:gpu` writes and its page reads. */
import type { StepSize } from './step-case';

/** The largest deviations of a parity case from PyTorch in float64, relative as in test/parity, or why it failed. */
export interface ParityResult {
  readonly name: string;
  readonly loss?: number;
  readonly gradient?: number;
  readonly parameter?: number;
  readonly error?: string;
}

export interface GpuStepResult {
  readonly name: string;
  readonly imagesPerSecond: number;
  readonly millisecondsPerStep: number;
  readonly memoryMiB?: number;
  /** PyTorch fp32's seconds over its own, by round. */
  readonly ratios?: readonly number[];
}

export interface GpuRecord {
  readonly device?: string;
  readonly driver?: string;
  readonly cpu: string;
  readonly torch?: string;
  readonly rounds: number;
  readonly steps: number;
  /** By engine. */
  readonly parity: Record<string, readonly ParityResult[]>;
  /** Sentences beside the table: what was measured otherwise, what is missing. */
  readonly notes?: readonly string[];
  readonly sizes: Record<string, { readonly size: StepSize; readonly results: readonly GpuStepResult[] }>;
}
