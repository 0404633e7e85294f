/** Results of probes, and how a run keeps them. */
import { evaluatedLayers, evaluationName } from '../core/config/evaluation-name';
import type { EvaluationConfig } from '../core/config/schema';
import type { RunDirectory } from '../core/runs/run-directory';
import type { EvaluationResult } from './evaluation/evaluate';

export type ProbeSubject = 'student' | 'ema-student' | 'random' | 'teacher' | 'checkpoint';

export interface ProbeResult {
  /** Under which the run keeps it; see `resultName`. */
  readonly name: string;
  readonly subject: ProbeSubject;
  readonly protocol: EvaluationResult['protocol'];
  readonly features: EvaluationResult['features'];
  /** The block, counted from 1, where layers were asked for. */
  readonly layer?: number;
  readonly step: number;
  readonly top1: number;
  /** Standard deviation of `top1`, where it is a mean over several draws. */
  readonly top1Std?: number;
  readonly result: EvaluationResult;
}

/** The name of a trained classifier's own accuracy. */
export function classifierName(subject: ProbeSubject): string {
  return subject === 'student' ? 'classifier' : `classifier-${subject}`;
}

/** The name of an evaluation and, unless it is the student, of whom: `linear-mae-mean-random`. */
export function resultName(config: EvaluationConfig, subject: ProbeSubject, layer?: number): string {
  const name = evaluationName(config, layer);
  return subject === 'student' ? name : `${name}-${subject}`;
}

/**
 * Those of which a result is not there yet, each once: the same protocol may be asked for both along the way and at the end.
 *
 * @param depth blocks of the subject, which are its layers
 * @param done names of the results there are
 */
export function pendingEvaluations(evaluations: readonly EvaluationConfig[], subject: ProbeSubject, depth: number, done: ReadonlySet<string>): EvaluationConfig[] {
  const namesOf = (config: EvaluationConfig): string[] => evaluatedLayers(config, depth).map((layer) => resultName(config, subject, layer));
  const wanted = new Map(evaluations.map((config) => [namesOf(config).join(' '), config]));
  return [...wanted.values()].filter((config) => !namesOf(config).every((name) => done.has(name)));
}

export async function recordResults(run: RunDirectory, results: readonly ProbeResult[]): Promise<void> {
  for (const { name, subject, step, result } of results) await run.writeEvaluation(name, step, { subject, step, ...result });
}

/** What a run has of evaluations up to a step. */
export async function recordedResults(run: RunDirectory, upToStep: number): Promise<ProbeResult[]> {
  const records = await run.readEvaluations();
  return records.flatMap(({ protocol: name, step, result }) => {
    const recorded = result as EvaluationResult & { subject: ProbeSubject };
    return step > upToStep ? [] : [probeResult(name, recorded.subject, step, recorded)];
  });
}

/** A result with what lists show of it. */
export function probeResult(name: string, subject: ProbeSubject, step: number, result: EvaluationResult): ProbeResult {
  const { protocol, features, layer, top1 } = result;
  const top1Std = 'top1Std' in result ? result.top1Std : undefined;
  return { name, subject, protocol, features, ...(layer === undefined ? {} : { layer }), step, top1, ...(top1Std === undefined ? {} : { top1Std }), result };
}
