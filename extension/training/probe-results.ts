/** Results of probes, and how a run keeps them. */
import type { EvaluationConfig } from '../core/config/schema';
import type { RunDirectory } from '../core/runs/run-directory';
import type { EvaluationResult } from './evaluation/evaluate';

export type ProbeSubject = 'student' | 'ema-student' | 'random' | 'teacher' | 'checkpoint';

export interface ProbeResult {
  readonly subject: ProbeSubject;
  readonly protocol: EvaluationConfig['protocol'];
  /** Of a linear probe. */
  readonly preset?: EvaluationConfig['preset'];
  readonly features: EvaluationConfig['features'];
  readonly step: number;
  readonly top1: number;
  readonly result: EvaluationResult;
}

/** What tells one protocol of an experiment from another. */
export type Reading = Pick<ProbeResult, 'protocol' | 'preset' | 'features'>;

export function presetOf({ protocol, preset }: EvaluationConfig): ProbeResult['preset'] {
  return protocol === 'linear' ? preset : undefined;
}

/** `linear` is the student's by the small preset on CLS features; others say what differs: `linear-mae-mean-random`. */
export function resultName({ protocol, preset, features }: Reading, subject: ProbeSubject): string {
  return [protocol, ...(preset === 'mae' ? [preset] : []), ...(features === 'cls' ? [] : [features]), ...(subject === 'student' ? [] : [subject])].join('-');
}

export async function recordResults(run: RunDirectory, results: readonly ProbeResult[]): Promise<void> {
  for (const result of results) {
    await run.writeEvaluation(resultName(result, result.subject), result.step, { subject: result.subject, step: result.step, ...result.result });
  }
}

/** What a run has of evaluations up to a step. */
export async function recordedResults(run: RunDirectory, upToStep: number): Promise<ProbeResult[]> {
  const records = await run.readEvaluations();
  return records.flatMap(({ step, result }) => {
    const recorded = result as EvaluationResult & { subject: ProbeSubject };
    return step > upToStep ? [] : [{ subject: recorded.subject, protocol: recorded.protocol, preset: 'preset' in recorded ? recorded.preset : undefined, features: recorded.features, step, top1: recorded.top1, result: recorded }];
  });
}
