/** Which of a run's probe results stands for it. */
import type { LibraryRun, RunEvaluation } from '../library/library-run';

/** Of the selected runs, `linear` and `knn` first, since every run can have them. */
export function protocolsOf(runs: readonly LibraryRun[]): string[] {
  const names = new Set(runs.flatMap(({ evaluations }) => evaluations.map(({ protocol }) => protocol)));
  const first = ['linear', 'knn'].filter((name) => names.has(name));
  return [...first, ...[...names].filter((name) => !first.includes(name)).sort()];
}

/** The student's result at the last step that has one: of several features or layers, the best. */
export function lastProbe(run: LibraryRun, protocol: string | undefined): RunEvaluation | undefined {
  const students = run.evaluations.filter((result) => result.protocol === protocol && isStudent(result));
  return students.toSorted((a, b) => b.step - a.step || b.top1 - a.top1)[0];
}

/** The student's highest result. */
export function topProbe(run: LibraryRun, protocol: string): RunEvaluation | undefined {
  return run.evaluations.filter((result) => result.protocol === protocol && isStudent(result)).toSorted((a, b) => b.top1 - a.top1)[0];
}

function isStudent({ subject }: RunEvaluation): boolean {
  return subject === 'student' || subject === 'ema-student';
}
