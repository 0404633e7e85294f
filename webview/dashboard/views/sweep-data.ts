/** A sweep's cells as its charts and tables take them. */
import type { Scalar, SweepCell, SweepData } from '../../../extension/core/protocol/dashboard';
import type { ChartTable } from '../../charts/frame';
import { formatNumber, formatShare } from '../../charts/numbers';
import type { ParallelAxis } from '../../charts/parallel';
import type { MeanPoint, MeasuredPoint, PointGroup } from '../../charts/points';
import type { Table } from '../export';

/** What a value of a config reads like. */
export function scalarText(value: Scalar | undefined): string {
  if (value === null || value === undefined) return 'none';
  return typeof value === 'number' ? formatNumber(value) : String(value);
}

/** Names of the places along a key's axis; undefined where all its values are numbers. */
export function sweepPlaces(cells: readonly SweepCell[], key: number): readonly string[] | undefined {
  const values = cells.map((cell) => cell.values[key]);
  return values.every((value) => typeof value === 'number') ? undefined : [...new Set(values.map(scalarText))];
}

/** Cells that share every value but the first key's are one group. */
export function sweepGroups({ keys, cells }: SweepData, nameOf: (run: string) => string): PointGroup[] {
  const places = sweepPlaces(cells, 0);
  const groups = new Map<string, SweepCell[]>();
  for (const cell of cells) {
    const label = keys.slice(1).map((key, i) => `${key} ${scalarText(cell.values[i + 1])}`).join(', ');
    groups.set(label, [...(groups.get(label) ?? []), cell]);
  }
  return [...groups].map(([label, members], color) => ({
    label, color,
    points: members.flatMap((cell) => pointsOf(cell, placeOf(cell, 0, places), [cellText(keys, cell), nameOf])),
    means: members.flatMap((cell) => meanOf(cell, placeOf(cell, 0, places), cellText(keys, cell))).sort((a, b) => a.x - b.x),
  }));
}

function placeOf(cell: SweepCell, key: number, places: readonly string[] | undefined): number {
  return places ? places.indexOf(scalarText(cell.values[key])) : (cell.values[key] as number);
}

function cellText(keys: readonly string[], { values }: SweepCell): string {
  return keys.map((key, i) => `${key} ${scalarText(values[i])}`).join(', ');
}

function pointsOf({ runs, missingSeeds = [] }: SweepCell, x: number, [where, nameOf]: readonly [string, (run: string) => string]): MeasuredPoint[] {
  const trained = runs.map(({ key, seed, state, accuracy }): MeasuredPoint => ({
    id: key, x, y: accuracy, kind: kindOf(state, accuracy),
    text: `${nameOf(key)}: ${accuracy === undefined ? 'no probe yet' : formatShare(accuracy)}, ${where}, seed ${seed}${state === 'finished' ? '' : `, ${state}`}`,
  }));
  return [...trained, ...missingSeeds.map((seed): MeasuredPoint => ({ x, kind: 'missing', text: `Not begun: ${where}, seed ${seed}` }))];
}

function kindOf(state: SweepCell['runs'][number]['state'], accuracy: number | undefined): MeasuredPoint['kind'] {
  if (state === 'running' || state === 'paused') return 'running';
  if (accuracy !== undefined) return 'measured';
  return state === 'failed' || state === 'lost' ? 'failed' : 'missing';
}

function meanOf({ mean, interval, runs }: SweepCell, x: number, where: string): MeanPoint[] {
  if (mean === undefined) return [];
  const count = runs.filter(({ accuracy }) => accuracy !== undefined).length;
  const within = interval ? `, 95 % interval ${formatShare(interval[0])} to ${formatShare(interval[1])}` : '';
  return [{ x, y: mean, interval, text: `Mean of ${count} ${count === 1 ? 'seed' : 'seeds'}: ${formatShare(mean)}${within}, ${where}` }];
}

/** An axis a key and one for the accuracy, a line a cell; undefined where no cell has been measured. */
export function parallelAxes({ keys, cells }: SweepData): { readonly axes: ParallelAxis[]; readonly ids: (string | undefined)[] } | undefined {
  const measured = cells.filter(({ mean }) => mean !== undefined);
  if (measured.length === 0) return undefined;
  const axes = keys.map((key, i): ParallelAxis => {
    const places = sweepPlaces(measured, i);
    return { label: key, values: measured.map((cell) => placeOf(cell, i, places)), places, format: formatNumber };
  });
  const accuracy: ParallelAxis = { label: 'accuracy', values: measured.map(({ mean }) => mean!), format: formatShare };
  return { axes: [...axes, accuracy], ids: measured.map(({ runs }) => runs.find((run) => run.accuracy !== undefined)?.key) };
}

/** A row a cell, for eyes. */
export function sweepTable({ keys, cells }: SweepData): ChartTable {
  return {
    columns: [...keys, 'seeds', 'mean', '95 % interval', 'state'],
    rows: cells.map(({ values, runs, mean, interval, state, missingSeeds = [] }) => [
      ...values.map(scalarText), `${runs.filter(({ accuracy }) => accuracy !== undefined).length} of ${runs.length + missingSeeds.length}`,
      formatShare(mean), interval ? interval.map(formatShare).join(' to ') : '–', state,
    ]),
  };
}

/** A row a run and a hole, with every digit, for a file. */
export function sweepRows({ keys, cells, protocol }: SweepData, nameOf: (run: string) => string): Table {
  return [
    [...keys, 'seed', 'run', 'state', protocol ?? 'accuracy'],
    ...cells.flatMap(({ values, runs, missingSeeds = [] }) => [
      ...runs.map(({ key, seed, state, accuracy }) => [...values, seed, nameOf(key), state, accuracy ?? null]),
      ...missingSeeds.map((seed) => [...values, seed, null, 'missing', null]),
    ]),
  ];
}
