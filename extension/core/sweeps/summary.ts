/** The results of a sweep: of each configuration the mean over its seeds under every protocol, and what is not there yet. */
import { gmacPerImage } from '../config/cost';
import type { SweepCell } from '../config/sweep';
import { configValues } from '../dashboard/config-values';
import type { ExpectedCell } from '../dashboard/expected-cells';
import { protocolsOf } from '../dashboard/probe-results';
import { baselinesOf, sweepCells } from '../dashboard/sweep';
import type { LibraryRun } from '../library/library-run';
import type { Scalar } from '../protocol/dashboard';
import type { CellState } from './status';

/** A cell with what came of it. */
export interface CellResult {
  readonly cell: SweepCell;
  readonly state: CellState;
  /** Absent where no run trains it. */
  readonly run?: LibraryRun;
  /** Of training alone. */
  readonly trainingSeconds?: number;
}

export interface ProbeSummary {
  readonly mean: number;
  /** 95 % interval of the mean over seeds (Student's t); absent below two seeds. */
  readonly interval?: readonly [number, number];
  /** A value of each seed that is done. */
  readonly seeds: readonly { readonly seed: number; readonly top1: number }[];
}

export interface SummaryRow {
  /** By key, in the order of `SweepSummary.keys`. */
  readonly values: readonly Scalar[];
  /** Of those, which the sweep gives this configuration a value of; in a list of recipes not every key belongs to each. */
  readonly given: readonly boolean[];
  /** By protocol; absent where no seed has it. */
  readonly probes: Readonly<Record<string, ProbeSummary>>;
  /** Seeds that are done, and all. */
  readonly done: number;
  readonly seeds: number;
  /** Of the others, how many are in each state. */
  readonly open: Readonly<Partial<Record<CellState, number>>>;
  /** Of a training step, an image. */
  readonly gmacPerImage: number;
  /** Mean of the seeds that are done. */
  readonly trainingSeconds?: number;
}

export interface SweepSummary {
  readonly name: string;
  /** Swept keys but the seed. */
  readonly keys: readonly string[];
  readonly protocols: readonly string[];
  /** Ascending by their values. */
  readonly rows: readonly SummaryRow[];
  /** By protocol: accuracy of the teacher and of the random-initialised student. */
  readonly baselines: Readonly<Record<string, Readonly<Partial<Record<'teacher' | 'random', number>>>>>;
}

/** Only finished runs count: a probe on the way is no result. */
export function summarise(name: string, results: readonly CellResult[]): SweepSummary {
  const keys = [...new Set(results.flatMap(({ cell }) => Object.keys(cell.values)))].filter((key) => key !== 'seed');
  const runs = results.flatMap(({ state, run }) => (state === 'finished' && run?.config ? [run] : []));
  const open = results.filter(({ state, run }) => state !== 'finished' || !run?.config).map(expected);
  const protocols = protocolsOf(runs);
  // Without a protocol there are still cells.
  const byProtocol = (protocols.length > 0 ? protocols : ['']).map((protocol) => ({ protocol, cells: sweepCells(runs, open, keys, protocol) }));
  const rows = byProtocol[0]!.cells.map(({ values }, index): SummaryRow => {
    const own = results.filter(({ cell }) => sameValues(keys, cell, values));
    const done = own.filter(({ state }) => state === 'finished');
    return {
      values,
      given: keys.map((key) => Object.hasOwn(own[0]!.cell.values, key)),
      probes: Object.fromEntries(byProtocol.flatMap(({ protocol, cells }) => probeOf(protocol, cells[index]!))),
      done: done.length,
      seeds: own.length,
      open: countStates(own.flatMap(({ state }) => (state === 'finished' ? [] : [state]))),
      gmacPerImage: gmacPerImage(own[0]!.cell.resolved).step,
      ...meanSeconds(done),
    };
  });
  const baselines = Object.fromEntries(protocols.map((protocol) => [protocol, Object.fromEntries(baselinesOf(runs, protocol).map((baseline) => [baseline.name, baseline.accuracy]))]));
  return { name, keys, protocols, rows, baselines };
}

function expected({ cell }: CellResult): ExpectedCell {
  const values = configValues(cell.resolved);
  return { valueOf: (key) => values.get(key) ?? null, seed: cell.resolved.seed };
}

function sameValues(keys: readonly string[], { resolved }: SweepCell, values: readonly Scalar[]): boolean {
  const own = configValues(resolved);
  return keys.every((key, index) => (own.get(key) ?? null) === values[index]);
}

function probeOf(protocol: string, { runs, mean, interval }: ReturnType<typeof sweepCells>[number]): [string, ProbeSummary][] {
  if (mean === undefined) return [];
  return [[protocol, { mean, ...(interval && { interval }), seeds: runs.flatMap(({ seed, accuracy }) => (accuracy === undefined ? [] : [{ seed, top1: accuracy }])) }]];
}

function countStates(states: readonly CellState[]): Partial<Record<CellState, number>> {
  const counts: Partial<Record<CellState, number>> = {};
  for (const state of states) counts[state] = (counts[state] ?? 0) + 1;
  return counts;
}

function meanSeconds(done: readonly CellResult[]): { trainingSeconds?: number } {
  const seconds = done.flatMap(({ trainingSeconds }) => trainingSeconds ?? []);
  return seconds.length === 0 ? {} : { trainingSeconds: seconds.reduce((sum, value) => sum + value, 0) / seconds.length };
}
