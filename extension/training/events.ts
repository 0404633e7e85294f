/** What a training tells whoever started it, and what it hands back. */
import type { DownloadProgress } from '../core/hub/progress';
import type { EvaluationProgress } from './evaluation/evaluate';
import type { ProbeResult, ProbeSubject } from './probe-results';

export interface StepProgress {
  readonly step: number;
  readonly totalSteps: number;
  readonly epoch: number;
  readonly loss: number;
  readonly imagesPerSecond: number;
  readonly etaSeconds: number;
  readonly learningRate: number;
}

export interface TrainingEvents {
  /** Derived values, before the first step. */
  onStart?(summary: readonly string[], runPath: string): void;
  onStep?(progress: StepProgress): void;
  onEvaluation?(result: ProbeResult): void;
  onEvaluationProgress?(progress: EvaluationProgress, subject: ProbeSubject): void;
  /** Weights that the experiment names by `hf://`, before `onStart`. */
  onDownload?(progress: DownloadProgress): void;
  onMessage?(line: string): void;
}

export interface TrainingOutcome {
  /** Path of the run directory. */
  readonly run: string;
  readonly state: 'finished' | 'stopped';
  readonly steps: number;
  /** Training only, evaluations left out. */
  readonly imagesPerSecond: number;
  readonly seconds: number;
  readonly evaluations: readonly ProbeResult[];
}
