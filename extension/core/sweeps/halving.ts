/**
 * Successive halving (Jamieson and Talwalkar, 2016): configurations train to a rung, the best 1/factor go on to the next.
 * A configuration is all cells that differ in their seed alone; it goes on or stays as a whole.
 */
import type { HalvingConfig } from '../config/schema';
import type { RecordedCell, SweepRecord } from './record';

/** Indexes of the cells of each configuration, in the order of the sweep; cells that are withdrawn are left out. */
export function configurations({ cells }: Pick<SweepRecord, 'cells'>): number[][] {
  const groups = new Map<string, number[]>();
  for (const [index, { values, withdrawn }] of cells.entries()) {
    if (withdrawn) continue;
    const name = JSON.stringify(Object.entries(values).filter(([key]) => key !== 'seed'));
    groups.set(name, [...(groups.get(name) ?? []), index]);
  }
  return [...groups.values()];
}

/** Epochs of the rungs before the end of the longest run. */
export function rungs({ factor, min_epochs }: HalvingConfig, totalEpochs: number): number[] {
  const epochs: number[] = [];
  for (let epoch = min_epochs; epoch < totalEpochs; epoch *= factor) epochs.push(epoch);
  return epochs;
}

/** Configurations that go on from a rung that so many reached. */
export function survivorCount({ factor }: HalvingConfig, count: number): number {
  return Math.max(1, Math.floor(count / factor));
}

export interface RungResult {
  /** Indexes of its cells. */
  readonly cells: readonly number[];
  /** Mean over seeds; undefined where none could be measured. */
  readonly value: number | undefined;
}

/** Those that go on, and those that are left behind; of equals the earlier goes on. */
export function halve(config: HalvingConfig, results: readonly RungResult[]): { readonly kept: RungResult[]; readonly dropped: RungResult[] } {
  const sign = config.metric === 'loss' ? 1 : -1;
  const rank = ({ value }: RungResult): number => (value === undefined ? Infinity : sign * value);
  const ranked = results.toSorted((a, b) => (rank(a) === rank(b) ? 0 : rank(a) - rank(b)));
  const count = survivorCount(config, results.length);
  return { kept: ranked.slice(0, count), dropped: ranked.slice(count) };
}

/** The record with the given configurations left behind at a rung. */
export function withDropped(record: SweepRecord, config: HalvingConfig, epochs: number, dropped: readonly RungResult[]): SweepRecord {
  const at = new Date().toISOString();
  const valueOf = new Map(dropped.flatMap(({ cells, value }) => cells.map((index) => [index, value ?? null] as const)));
  const cells = record.cells.map((cell, index): RecordedCell => (valueOf.has(index) ? { ...cell, dropped: { epochs, metric: config.metric, value: valueOf.get(index)!, at } } : cell));
  return { ...record, cells };
}

/** Whether a configuration was left behind at a rung, or before it. */
export function isDropped({ cells }: Pick<SweepRecord, 'cells'>, indexes: readonly number[], epochs = Infinity): boolean {
  return indexes.some((index) => (cells[index]?.dropped?.epochs ?? Infinity) <= epochs && cells[index]?.dropped !== undefined);
}
