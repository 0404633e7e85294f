/** What `mim sweep` says of its cells: the table of `--dry-run` with time and disk, and that of `--status`. */
import { hostname } from 'node:os';
import { gmacPerImage } from '../core/config/cost';
import { checkText } from '../core/config/load';
import { bytes, duration, significant } from '../core/text/format';
import type { CellEstimate, SweepEstimate } from '../training/estimate-sweep';
import type { PlannedCell, Sweep, SweepOptions } from './sweep-plan';
import { countsOf, type SweepStatusCount } from './sweep-counts';
import { tableLines } from './table';
import type { Terminal } from './terminal';
import { shortPath } from './train';

/** Measured here; see training/estimate-sweep.ts. @throws ConfigError where the images or the teacher of a cell cannot be used */
export async function measuredEstimate(terminal: Terminal, { plan, runs, source }: Sweep, { configFile, overrides }: SweepOptions): Promise<SweepEstimate | undefined> {
  const cells = plan.filter(({ action }) => action !== 'skip').map(({ cell }) => cell);
  if (cells.length === 0) return undefined;
  const { estimateSweep } = await import('../training/estimate-sweep');
  return estimateSweep(
    cells,
    runs,
    (cell) => ({ file: configFile, locate: checkText(source, configFile, { ...overrides, ...cell.overrides }).locate }),
    (cell) => terminal.note(`Measuring a few steps of ${cell.name} …`),
  );
}

export function planLines(sweep: Sweep, estimate: SweepEstimate | undefined): string[] {
  const { plan, name } = sweep;
  const keys = keysOf(sweep);
  const estimated = ({ cell }: PlannedCell): CellEstimate | undefined => estimate?.cells.get(cell.name);
  const rows = plan.map((planned) => {
    const { cell, state, action } = planned;
    const own = estimated(planned);
    const measured = estimate === undefined ? [] : own === undefined ? ['', ''] : [`${own.scaledFrom === undefined ? '' : '~'}${duration(secondsLeft(planned, own))}`, bytes(Math.round(own.bytes))];
    return [cell.name, ...keys.map((key) => String(cell.values[key] ?? '')), significant(gmacPerImage(cell.resolved).step), ...measured, state, action];
  });
  const count = (wanted: PlannedCell['action']): number => plan.filter(({ action }) => action === wanted).length;
  return [
    ...tableLines(['cell', ...keys, 'GMAC/image', ...(estimate === undefined ? [] : ['time', 'disk']), 'state', 'next'], rows),
    '',
    ...leftOutLines(sweep),
    `${name}: ${plan.length} cells; ${count('run')} to run, ${count('resume')} to resume, ${count('skip')} to pass over`,
    ...(estimate === undefined ? [] : totalLines(plan, estimate)),
  ];
}

/** Combinations that are no cells. */
function leftOutLines({ duplicates, excluded }: Sweep): string[] {
  return [
    ...duplicates.map(({ values, of }) => `${Object.entries(values).map(([key, value]) => `${key} ${String(value)}`).join(', ')}: trains the same as ${of} and is not run for itself`),
    ...(excluded > 0 ? [`${excluded} ${excluded === 1 ? 'combination is' : 'combinations are'} excluded by conditions`] : []),
  ];
}

/** What all cells that are to do take together. */
export function totalOf(plan: readonly PlannedCell[], { cells }: SweepEstimate): { readonly gmac: number; readonly seconds: number; readonly featureSeconds: number; readonly bytes: number } {
  const total = { gmac: 0, seconds: 0, featureSeconds: 0, bytes: 0 };
  for (const planned of plan) {
    const own = cells.get(planned.cell.name);
    if (own === undefined) continue;
    const left = shareLeft(planned);
    total.gmac += own.gmac * left;
    total.seconds += secondsLeft(planned, own);
    total.featureSeconds += own.featureSeconds * left;
    total.bytes += own.bytes;
  }
  return total;
}

function totalLines(plan: readonly PlannedCell[], estimate: SweepEstimate): string[] {
  const { gmac, seconds, featureSeconds, bytes: disk } = totalOf(plan, estimate);
  const { shapes, measured } = estimate;
  const others = shapes > measured ? `; the ${shapes - measured} between them (~) are scaled by GMAC` : '';
  return [
    `In total about ${duration(seconds)} one after another on ${hostname()}, ${significant(gmac)} GMAC of training, ${bytes(Math.round(disk))} on disk`,
    `Measured in a few steps of ${measured} of ${shapes} shapes${others}.${featureSeconds > 0 ? ` ${duration(featureSeconds)} of it are evaluations; fitting the probes comes on top.` : ''}`,
  ];
}

function secondsLeft(planned: PlannedCell, { trainingSeconds, featureSeconds }: CellEstimate): number {
  return (trainingSeconds + featureSeconds) * shareLeft(planned);
}

/** Of a run that is resumed. */
function shareLeft({ run, action }: PlannedCell): number {
  const { step, totalSteps } = (action === 'resume' ? run?.status : undefined) ?? { step: 0, totalSteps: 0 };
  return totalSteps > 0 ? 1 - step / totalSteps : 1;
}

/** What `--dry-run --json` says of a sweep. */
export function planDocument(sweep: Sweep, estimate: SweepEstimate | undefined): object {
  const { name, runs, plan, duplicates, excluded } = sweep;
  return {
    name,
    runs,
    cells: plan.map(({ cell, index, state, run, action }) => ({ index, name: cell.name, values: cell.values, state, run: run?.path, action, estimate: estimate?.cells.get(cell.name) })),
    duplicates,
    excluded,
    ...(estimate && { total: totalOf(plan, estimate) }),
  };
}

/** What there is of each cell on disk. */
export function statusLines(sweep: Sweep): string[] {
  const { plan, name } = sweep;
  const rows = plan.map(({ index, cell, state, run }) => [String(index), cell.name, state, progressOf(run), run === undefined ? '' : shortPath(run.path), noteOf(sweep, index, run)]);
  return [...tableLines(['index', 'cell', 'state', 'epochs', 'run', ''], rows, ['right', 'left', 'left', 'right', 'left', 'left']), '', `${name}: ${countsText(countsOf(plan))}`];
}

/** What `--status --json` says. */
export function statusDocument(sweep: Sweep): object {
  const { name, runs, plan, record } = sweep;
  const cells = plan.map(({ cell, index, state, run }) => ({ index, name: cell.name, values: cell.values, state, run: run?.path, step: run?.status?.step, totalSteps: run?.status?.totalSteps, message: run?.status?.message, dropped: record.cells[index]?.dropped }));
  return { name, runs, counts: countsOf(plan), cells };
}

function progressOf(run: PlannedCell['run']): string {
  const status = run?.status;
  return status === undefined || status.totalEpochs === 0 ? '' : `${significant(status.epoch)}/${significant(status.totalEpochs)}`;
}

function noteOf({ record }: Sweep, index: number, run: PlannedCell['run']): string {
  const dropped = record.cells[index]?.dropped;
  if (dropped) return `left behind after ${significant(dropped.epochs)} epochs: ${dropped.metric} ${dropped.value === null ? 'not measured' : significant(dropped.value)}`;
  return run?.state === 'failed' ? (run.status?.message ?? '').split('\n', 1)[0]!.slice(0, 80) : '';
}

function countsText(counts: SweepStatusCount): string {
  const { expected, ...states } = counts;
  return [`${expected} expected`, ...Object.entries(states).flatMap(([state, count]) => (count > 0 ? [`${count} ${state}`] : []))].join(', ');
}

/** Every key that some cell sets, in the order in which they first appear. */
export function keysOf({ plan }: Pick<Sweep, 'plan'>): string[] {
  return [...new Set(plan.flatMap(({ cell }) => Object.keys(cell.values)))];
}
