/** Results of probes, and how a run keeps them. */
import type { EvaluationConfig } from '../core/config/schema';
import type { RunDirectory } from '../core/runs/run-directory';
import type { EvaluationResult } from './evaluation/evaluate';

export type ProbeSubject = 'student' | 'ema-student' | 'random' | 'teacher' | 'checkpoint';

export interface ProbeResult {
  readonly subject: ProbeSubject;
  readonly protocol: EvaluationConfig['protocol'];
  readonly features: EvaluationConfig['features'];
  readonly step: number;
  readonly top1: number;
  readonly result: EvaluationResult;
}

/** `linear` is the student's on CLS features; others say what differs: `linear-mean-random`. */
export function resultName(protocol: ProbeResult['protocol'], features: ProbeResult['features'], subject: ProbeSubject): string {
  return [protocol, ...(features === 'cls' ? [] : [features]), ...(subject === 'student' ? [] : [subject])].join('-');
}

export async function recordResults(run: RunDirectory, results: readonly ProbeResult[]): Promise<void> {
  for (const { subject, protocol, features, step, result } of results) {
    await run.writeEvaluation(resultName(protocol, features, subject), step, { subject, step, ...result });
  }
}

/** What a run has of evaluations up to a step. */
export async function recordedResults(run: RunDirectory, upToStep: number): Promise<ProbeResult[]> {
  const records = await run.readEvaluations();
  return records.flatMap(({ step, result }) => {
    const recorded = result as EvaluationResult & { subject: ProbeSubject };
    return step > upToStep ? [] : [{ subject: recorded.subject, protocol: recorded.protocol, features: recorded.features, step, top1: recorded.top1, result: recorded }];
  });
}
