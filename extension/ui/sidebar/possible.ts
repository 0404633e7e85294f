/** What can be done with the runs there are, as context keys of menus: nothing is offered that cannot work. */
import type { LibraryRun } from '../../core/library/library-run';

export function possibleWith(runs: readonly LibraryRun[]): Readonly<Record<string, boolean>> {
  const own = runs.filter(({ origin }) => origin === 'mim');
  const isAtWork = ({ state }: LibraryRun) => state === 'running' || state === 'paused';
  const hasCheckpoint = ({ checkpoints }: LibraryRun) => checkpoints.length > 0;
  return {
    'mim.hasRuns': runs.length > 0,
    'mim.canCompare': runs.length > 1,
    'mim.canDiff': own.length > 1,
    'mim.hasCheckpoints': runs.some(hasCheckpoint),
    'mim.canResume': own.some((run) => hasCheckpoint(run) && !isAtWork(run)),
    'mim.canPause': runs.some(({ state }) => state === 'running'),
    'mim.canContinue': runs.some(({ state }) => state === 'paused'),
    'mim.canDelete': own.some((run) => !isAtWork(run)),
  };
}
