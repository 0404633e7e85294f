/** The tree of runs: sweeps hold theirs, all in the order and under the filter the user chose. */
import type { LibraryRun } from '../../core/library/library-run';
import { foldRest } from './fold-rest';
import { leaf, type Face, type Row } from './row';
import { sortRuns, type Order } from './run-order';
import { matches } from './run-filter';
import { describeRun, joined, progressOf, speakRun, stateSymbols, wholePercent } from './run-text';

export interface RunsLook {
  readonly filter: string;
  readonly order: Order;
}

/** A sweep stands where the first of its runs would. */
export function runsTree(runs: readonly LibraryRun[], { filter, order }: RunsLook): Row[] {
  const shown = sortRuns(runs.filter((run) => matches(run, filter)), order);
  const bySweep = new Map<string, LibraryRun[]>();
  for (const run of shown) {
    if (run.sweep !== undefined) bySweep.set(run.sweep, [...(bySweep.get(run.sweep) ?? []), run]);
  }
  const rows = shown.flatMap((run) => {
    if (run.sweep === undefined) return [runRow(run)];
    const members = bySweep.get(run.sweep)!;
    return members[0] === run ? [sweepRow(run.sweep, members)] : [];
  });
  return foldRest(rows);
}

export function runRow(run: LibraryRun): Row {
  return leaf({ kind: 'run', run: run.key }, runFace(run));
}

function runFace(run: LibraryRun): Face {
  const broken = run.problem !== undefined && run.state !== 'running';
  return {
    label: run.name,
    description: describeRun(run),
    spoken: speakRun(run),
    ...(broken ? { icon: 'warning', color: 'list.warningForeground' } : stateSymbols[run.state]),
    contextValue: `run:${run.state}${run.marks.starred ? ':starred' : ''}`,
    command: 'mim.openDashboard',
  };
}

function sweepRow(sweep: string, runs: readonly LibraryRun[]): Row {
  const description = describeSweep(runs);
  const alive = runs.some(isAlive);
  return {
    node: { kind: 'sweep', sweep },
    face: { label: sweep, description, spoken: `Sweep ${sweep}, ${description.replaceAll(' · ', ', ')}`, icon: 'layers', ...(alive ? { color: 'charts.blue' } : {}), contextValue: alive ? 'sweep:running' : 'sweep' },
    children: runs.map(runRow),
    open: alive,
  };
}

/** `3 of 9 done · 1 running, 45 % · 2 failed`. */
export function describeSweep(runs: readonly LibraryRun[]): string {
  const count = (...states: LibraryRun['state'][]): number => runs.filter(({ state }) => states.includes(state)).length;
  const done = count('finished', 'external');
  const some = (number: number, word: string): string | undefined => (number === 0 ? undefined : `${number} ${word}`);
  const running = runs.filter(({ state }) => state === 'running');
  const progress = running.length === 1 ? progressOf(running[0]!) : undefined;
  const live = running.length === 0 ? undefined : `${running.length} running${progress === undefined ? '' : `, ${wholePercent(progress)}`}`;
  return joined([done === runs.length ? `${done} runs` : `${done} of ${runs.length} done`, live, some(count('paused'), 'paused'), some(count('stopped'), 'stopped'), some(count('failed'), 'failed'), some(count('lost'), 'lost')]);
}

function isAlive({ state }: LibraryRun): boolean {
  return state === 'running' || state === 'paused';
}
