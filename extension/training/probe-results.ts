/** Results of probes, and how a run keeps them. */
import { evaluationSchema, type EvaluationConfig } from '../core/config/schema';
import type { RunDirectory } from '../core/runs/run-directory';
import type { EvaluationResult } from './evaluation/evaluate';

export type ProbeSubject = 'student' | 'ema-student' | 'random' | 'teacher' | 'checkpoint';

export interface ProbeResult {
  /** Under which the run keeps it; see `resultName`. */
  readonly name: string;
  readonly subject: ProbeSubject;
  readonly protocol: EvaluationResult['protocol'];
  readonly features: EvaluationConfig['features'];
  readonly step: number;
  readonly top1: number;
  readonly result: EvaluationResult;
}

/** The name of a trained classifier's own accuracy. */
export function classifierName(subject: ProbeSubject): string {
  return subject === 'student' ? 'classifier' : `classifier-${subject}`;
}

/**
 * `linear` is the student's by the defaults; others say what differs: `linear-mae-mean-random`, `knn-k5-t0.1`. What
 * differs in any knob differs in name, so that one never stands for another.
 */
export function resultName(config: EvaluationConfig, subject: ProbeSubject): string {
  const { protocol, preset, features, epochs, k, temperature } = config;
  const knobs =
    protocol === 'linear'
      ? [preset === 'mae' ? 'mae' : '', epochs === undefined ? '' : `e${epochs}`]
      : [k === defaults.k ? '' : `k${k}`, temperature === defaults.temperature ? '' : `t${temperature}`];
  return [protocol, ...knobs, features === 'cls' ? '' : features, subject === 'student' ? '' : subject].filter((part) => part !== '').join('-');
}

const defaults = evaluationSchema.parse({ protocol: 'knn' });

export async function recordResults(run: RunDirectory, results: readonly ProbeResult[]): Promise<void> {
  for (const { name, subject, step, result } of results) await run.writeEvaluation(name, step, { subject, step, ...result });
}

/** What a run has of evaluations up to a step. */
export async function recordedResults(run: RunDirectory, upToStep: number): Promise<ProbeResult[]> {
  const records = await run.readEvaluations();
  return records.flatMap(({ protocol: name, step, result }) => {
    const recorded = result as EvaluationResult & { subject: ProbeSubject };
    return step > upToStep ? [] : [{ name, subject: recorded.subject, protocol: recorded.protocol, features: recorded.features, step, top1: recorded.top1, result: recorded }];
  });
}
