/** What a run directory says of itself, gathered for lists. */
import type { RunCheckpoint, RunEvaluation } from '../library/library-run';
import { RunDirectory } from './run-directory';
import { findStatus, stateFrom } from './run-state';
import type { RunState, RunStatus } from './run-status';

/** All but what only the config tells: parsing it is most of the work, and its schema most of the code. */
export interface RunGlance {
  readonly id: string;
  readonly path: string;
  readonly state: RunState;
  /** Absent where status.json is damaged. */
  readonly status?: RunStatus;
  readonly checkpoints: readonly RunCheckpoint[];
  readonly evaluations: readonly RunEvaluation[];
}

export async function glanceAtRun(path: string): Promise<RunGlance> {
  const run = await RunDirectory.open(path);
  const checkpoints = (await run.listCheckpoints()).map(({ path: folder, step, epoch, createdAt, files }) => ({
    path: folder,
    step,
    epoch,
    createdAt,
    bytes: Object.values(files).reduce((sum, file) => sum + file.bytes, 0),
  }));
  const status = await findStatus(run.path);
  return {
    id: run.id,
    path: run.path,
    state: await stateFrom(status, run.path),
    status,
    checkpoints,
    evaluations: (await run.readEvaluations()).flatMap(({ protocol, step, result }) => evaluationOf(protocol, step, result)),
  };
}

/**
 * The student's highest accuracy by one protocol: `linear` where it has one, so that lists compare like with like, and
 * else the first it was evaluated by.
 */
export function bestProbe<E extends Pick<RunEvaluation, 'protocol' | 'subject' | 'top1'>>(evaluations: readonly E[], protocol?: string): E | undefined {
  const students = evaluations.filter(({ subject }) => subject === 'student' || subject === 'ema-student');
  const wanted = protocol ?? (students.some((probe) => probe.protocol === 'linear') ? 'linear' : students[0]?.protocol);
  return students.filter((probe) => probe.protocol === wanted).toSorted((a, b) => b.top1 - a.top1)[0];
}

/** An evaluation as it was written, as far as lists show it; none where it is not one. */
export function evaluationOf(fileProtocol: string, step: number, result: unknown): RunEvaluation[] {
  if (typeof result !== 'object' || result === null) return [];
  const written = result as { [key in keyof RunEvaluation]?: unknown };
  if (typeof written.top1 !== 'number') return [];
  return [{ protocol: String(written.protocol ?? fileProtocol), step, subject: String(written.subject ?? 'student'), features: String(written.features ?? ''), top1: written.top1, ...numbersOf(written) }];
}

const NUMBERS = ['layer', 'top1Std', 'collapseStd', 'rankMe', 'featureWidth'] as const;

function numbersOf(written: { readonly [key in keyof RunEvaluation]?: unknown }): Partial<RunEvaluation> {
  return Object.fromEntries(NUMBERS.flatMap((name) => (typeof written[name] === 'number' ? [[name, written[name]]] : [])));
}
