/** The `sweep` section → what each cell sets, and where in the text each value stands. */
import type { SweepConfig } from './schema';
import { drawnValues } from './sweep-draws';
import type { Path } from './yaml-tree';

export type SweepValue = string | number | boolean;

/** One key of one cell. */
export interface Setting {
  readonly value: SweepValue;
  /** Where the value is written, or what it is drawn from. */
  readonly at: Path;
  /** Where the key is named. */
  readonly named: Path;
  /** Whether the value itself stands at `at`. */
  readonly written: boolean;
}

/** By dotted key. */
export type Settings = Readonly<Record<string, Setting>>;

/** Settings of which each cell has one: a key of the grid, the list, the draws, the seeds. */
type Axis = readonly Settings[];

/** In the order in which they run: the last axis changes fastest. */
export function combinations(config: SweepConfig): Settings[] {
  return axesOf(config).reduce<Settings[]>((cells, axis) => cells.flatMap((cell) => axis.map((settings) => ({ ...cell, ...settings }))), [{}]);
}

/** Of the section, before conditions exclude any. */
export function combinationCount(config: SweepConfig): number {
  return axisSizes(config).reduce((product, { size }) => product * size, 1);
}

/** What is multiplied, as a person would name it. */
export function axisSizes({ list, random, grid, seeds }: SweepConfig): { readonly name: string; readonly size: number }[] {
  const seedCount = typeof seeds === 'number' ? seeds : seeds?.length;
  return [
    ...(list ? [{ name: 'listed', size: list.length }] : []),
    ...(random ? [{ name: 'drawn', size: random.count }] : []),
    ...Object.entries(grid).map(([key, values]) => ({ name: `\`${key}\``, size: values.length })),
    ...(seedCount === undefined ? [] : [{ name: seedCount === 1 ? 'seed' : 'seeds', size: seedCount }]),
  ];
}

function axesOf({ list, random, grid, seeds }: SweepConfig): Axis[] {
  return [
    ...(list ? [list.map((values, index) => settingsAt(['sweep', 'list', index], values))] : []),
    ...(random ? [drawnValues(random).map((drawn) => Object.fromEntries(Object.entries(drawn).map(([key, value]) => [key, drawnSetting(key, value)])))] : []),
    ...Object.entries(grid).map(([key, values]): Axis => values.map((value, index) => ({ [key]: { value, at: ['sweep', 'grid', key, index], named: ['sweep', 'grid', key], written: true } }))),
    ...(seeds === undefined ? [] : [seedAxis(seeds)]),
  ];
}

/** A mapping of dotted keys to values, as written at `path`. */
export function settingsAt(path: Path, values: Readonly<Record<string, SweepValue>>): Settings {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, { value, at: [...path, key], named: [...path, key], written: true }]));
}

function drawnSetting(key: string, value: SweepValue): Setting {
  const at = ['sweep', 'random', 'keys', key];
  return { value, at, named: at, written: false };
}

/** `seeds: 3` is short for 0, 1, 2. */
function seedAxis(seeds: number | readonly number[]): Axis {
  const named = ['sweep', 'seeds'];
  const settings = (value: number, at: Path): Settings => ({ seed: { value, at, named, written: false } });
  return typeof seeds === 'number' ? Array.from({ length: seeds }, (_, i) => settings(i, named)) : seeds.map((seed, i) => settings(seed, [...named, i]));
}
