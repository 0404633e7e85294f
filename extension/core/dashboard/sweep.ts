/** Probe accuracy against the swept keys: a cell for each combination of values, its seeds within. */
import type { LibraryRun } from '../library/library-run';
import type { DashboardState, Scalar, SweepCell, SweepData } from '../protocol/dashboard';
import { meanInterval } from '../series/mean-interval';
import { configValues, differingKeys } from './config-values';
import { missingCells, sweepsOf, type ExpectedCell } from './expected-cells';
import { lastProbe, protocolsOf } from './probe-results';

type CellRun = SweepCell['runs'][number];

interface Group {
  readonly values: Scalar[];
  readonly runs: CellRun[];
  readonly missing: number[];
}

/** Axes shown where the user chose none. */
const DEFAULT_KEYS = 4;

/** @param all the library's runs: an expected cell that an unselected run trains is no hole */
export async function sweepData(selected: readonly LibraryRun[], all: readonly LibraryRun[], options: DashboardState['sweep']): Promise<SweepData> {
  const sweeps = await sweepsOf(selected);
  const swept = new Set(sweeps.flatMap(({ cells }) => cells.flatMap(({ values }) => Object.keys(values))));
  const differing = differingKeys(selected.map(({ config }) => config));
  const sweepable = [...new Set([...swept, ...differing])].filter((key) => key !== 'seed');
  const chosen = options.keys.filter((key) => key !== 'seed');
  const keys = chosen.length > 0 ? chosen : sweepable.filter((key) => swept.size === 0 || swept.has(key)).slice(0, DEFAULT_KEYS);
  const protocols = protocolsOf(selected);
  const protocol = options.protocol !== undefined && protocols.includes(options.protocol) ? options.protocol : protocols[0];
  const cells = sweepCells(selected.filter(({ config }) => config), missingCells(sweeps, selected, all), keys, protocol);
  return { view: 'sweep', sweepable, keys, protocols, protocol, cells, baselines: baselinesOf(selected, protocol) };
}

/**
 * A cell for each combination of values, ascending by them.
 *
 * @param runs each with its config
 */
export function sweepCells(runs: readonly LibraryRun[], missing: readonly ExpectedCell[], keys: readonly string[], protocol: string | undefined): SweepCell[] {
  const groups = new Map<string, Group>();
  const groupAt = (values: Scalar[]): Group => {
    const name = JSON.stringify(values);
    const group = groups.get(name) ?? { values, runs: [], missing: [] };
    groups.set(name, group);
    return group;
  };
  for (const run of runs) {
    const values = configValues(run.config!);
    const accuracy = lastProbe(run, protocol)?.top1;
    groupAt(keys.map((key) => values.get(key) ?? null)).runs.push({ key: run.key, seed: run.config!.seed, state: run.state, ...(accuracy !== undefined && { accuracy }) });
  }
  for (const cell of missing) groupAt(keys.map((key) => cell.valueOf(key))).missing.push(cell.seed);
  return [...groups.values()].map(toCell).sort((a, b) => compareLists(a.values, b.values));
}

function toCell({ values, runs, missing }: Group): SweepCell {
  const accuracies = runs.flatMap(({ accuracy }) => accuracy ?? []);
  return {
    values,
    runs: runs.toSorted((a, b) => a.seed - b.seed),
    ...meanInterval(accuracies),
    state: stateOf(runs),
    ...(missing.length > 0 && { missingSeeds: missing }),
  };
}

function stateOf(runs: readonly CellRun[]): SweepCell['state'] {
  if (runs.length === 0) return 'missing';
  if (runs.some(({ state }) => state === 'running' || state === 'paused')) return 'running';
  return runs.some(({ state, accuracy }) => accuracy !== undefined || state === 'finished') ? 'done' : 'failed';
}

/** Each the mean over the runs that measured it. */
export function baselinesOf(runs: readonly LibraryRun[], protocol: string | undefined): SweepData['baselines'] {
  return (['teacher', 'random'] as const).flatMap((name) => {
    const results = runs.flatMap(({ evaluations }) => evaluations.filter((result) => result.subject === name && result.protocol === protocol));
    const mean = meanInterval(results.map(({ top1 }) => top1))?.mean;
    return mean === undefined ? [] : [{ name, accuracy: mean }];
  });
}

function compareLists(a: readonly Scalar[], b: readonly Scalar[]): number {
  for (const [i, value] of a.entries()) {
    const order = compareScalars(value, b[i]!);
    if (order !== 0) return order;
  }
  return 0;
}

/** Numbers by size, all else as text. */
function compareScalars(a: Scalar, b: Scalar): number {
  return typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b));
}
