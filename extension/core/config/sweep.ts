/** An experiment with a `sweep` section → its cells, each a whole experiment. Pure: nothing is read or run. */
import { createHash } from 'node:crypto';
import type { Problem } from '../problems';
import { sectionsWithKey } from './json-schema';
import { checkTree } from './load';
import { sortProblems, type SourceLocation } from './location';
import type { Overrides } from './overrides';
import { parseTree } from './parse';
import type { ResolvedExperiment, SweepConfig } from './schema';
import { YamlTree } from './yaml-tree';

export type SweepValue = string | number | boolean;

export interface SweepCell {
  /** Of its run; unlike that of any other cell. */
  readonly name: string;
  /** By dotted key, `seed` included where seeds are swept. */
  readonly values: Readonly<Record<string, SweepValue>>;
  /** What makes this cell of the file, as `--set` would give it. */
  readonly overrides: Overrides;
  readonly resolved: ResolvedExperiment;
  /** See {@link experimentIdentity}. */
  readonly identity: string;
}

export interface ExpandedSweep {
  readonly name: string;
  /** Where the runs are made: the experiment's `runs`, absolute. */
  readonly runs: string;
  /** In the order in which they run: the last key changes fastest, seeds faster still. */
  readonly cells: readonly SweepCell[];
}

const MAX_CELLS = 1000;
/** An unknown key, or one that cannot be set: whatever its values are. */
const KEY_FAULTS: ReadonlySet<string> = new Set(['MIM1003', 'MIM1011']);
/** What belongs to the whole sweep and cannot differ between its cells. */
const SHARED = /^(mim|name|runs|sweep|launcher)(\.|$)/;
/** What an experiment is called, where its runs lie, who starts them, and what follows from the rest. */
const NOT_TRAINED: ReadonlySet<string> = new Set(['name', 'runs', 'launcher', 'derived']);

/**
 * @param overrides for every cell, as given with `--set`
 * @returns no sweep where a problem is an error; the problems of a cell are told at the value in `sweep` that makes it
 */
export function expandSweep(text: string, file: string, overrides: Overrides = {}): SweepExpansion {
  const steps = expansion(text, file, overrides);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

export interface SweepExpansion {
  readonly sweep?: ExpandedSweep;
  readonly problems: Problem[];
}

/** {@link expandSweep} that can pause after each cell: a thousand take about a second. */
export function* expansion(text: string, file: string, overrides: Overrides = {}): Generator<void, SweepExpansion> {
  const tree = new YamlTree(text, file);
  const { experiment, problems } = parseTree(tree.copy(), overrides);
  if (!experiment) return { problems };
  const config = experiment.sweep;
  const faults = config === undefined ? [faultAt(tree, ['mim'], 'This experiment has no `sweep` section.', 'Add `sweep: { grid: { masking.ratio: [0.5, 0.7] } }`, or run it with `mim pretrain`.')] : faultsOf(config, tree);
  if (config === undefined || faults.length > 0) return { problems: [...problems, ...faults] };

  const checked: CheckedCell[] = [];
  for (const values of combinations(config)) {
    checked.push(checkCell(overrides, values, tree));
    yield;
  }
  const all = uniqueProblems(checked.flatMap((cell) => cell.problems));
  const first = checked[0]!.resolved;
  if (first === undefined || all.some(({ severity }) => severity === 'error')) return { problems: sortProblems(all) };
  const name = config.name ?? first.name;
  const names = cellNames(name, checked.map(({ values }) => values));
  const cells = checked.map(({ values, resolved, overrides: own }, i): SweepCell => ({ name: names[i]!, values, overrides: own, resolved: resolved!, identity: experimentIdentity(resolved!) }));
  return { sweep: { name, runs: first.runs, cells }, problems: sortProblems(all) };
}

/** The same text for experiments that train the same, whatever they are called, wherever their runs lie and whoever starts them. */
export function experimentIdentity(experiment: ResolvedExperiment): string {
  const what = Object.fromEntries(Object.entries(experiment).filter(([key]) => !NOT_TRAINED.has(key)));
  return createHash('sha256').update(JSON.stringify(sorted(what))).digest('hex');
}

function faultsOf(config: SweepConfig, tree: YamlTree): Problem[] {
  const keys = Object.keys(config.grid);
  const shared = keys.filter((key) => SHARED.test(key)).map((key) => faultAt(tree, ['sweep', 'grid', key], `\`${key}\` cannot be swept: it belongs to the whole sweep.`, 'Sweep another key.'));
  if (config.seeds !== undefined && keys.includes('seed')) shared.push(faultAt(tree, ['sweep', 'grid', 'seed'], '`seed` is swept twice.', 'Keep either `seeds` or `grid.seed`.'));
  if (keys.length === 0 && config.seeds === undefined) shared.push(faultAt(tree, ['sweep'], 'The sweep varies nothing.', 'Give `grid: { masking.ratio: [0.5, 0.7] }`, or `seeds: 3`.'));
  const count = Object.values(config.grid).reduce((product, values) => product * values.length, seedsOf(config)?.length ?? 1);
  if (count > MAX_CELLS) shared.push(faultAt(tree, ['sweep'], `The sweep has ${count} cells, more than ${MAX_CELLS}.`, 'Sweep fewer keys or values at once.'));
  return shared;
}

function faultAt(tree: YamlTree, path: readonly string[], message: string, hint: string): Problem {
  return { code: 'MIM1119', severity: 'error', key: path.join('.'), ...(tree.locate(path, 'key') ?? tree.start), message, hint };
}

/** Every combination, in order. */
function combinations(config: SweepConfig): Record<string, SweepValue>[] {
  const axes: [string, readonly SweepValue[]][] = Object.entries(config.grid);
  const seeds = seedsOf(config);
  if (seeds) axes.push(['seed', seeds]);
  return axes.reduce<Record<string, SweepValue>[]>((cells, [key, values]) => cells.flatMap((cell) => values.map((value) => ({ ...cell, [key]: value }))), [{}]);
}

/** `seeds: 3` is short for 0, 1, 2. */
function seedsOf({ seeds }: SweepConfig): readonly number[] | undefined {
  return typeof seeds === 'number' ? Array.from({ length: seeds }, (_, i) => i) : seeds;
}

interface CheckedCell {
  readonly values: Record<string, SweepValue>;
  readonly overrides: Overrides;
  readonly resolved?: ResolvedExperiment;
  readonly problems: readonly Problem[];
}

function checkCell(shared: Overrides, values: Record<string, SweepValue>, tree: YamlTree): CheckedCell {
  // JSON is YAML: a text stays a text, also "1e3".
  const overrides = Object.fromEntries(Object.entries(values).map(([key, value]) => [key, JSON.stringify(value)]));
  const { resolved, problems } = checkTree(tree.copy(), { ...shared, ...overrides });
  return { values, overrides, resolved, problems: problems.map((problem) => placed(problem, values, tree)) };
}

/** What an override caused is told where the sweep gives that value, or names that key. */
function placed(problem: Problem, values: Record<string, SweepValue>, tree: YamlTree): Problem {
  const key = Object.keys(values).find((name) => problem.file === `--set ${name}=${JSON.stringify(values[name])}`);
  if (key === undefined) return problem;
  const { replacement, ...told } = problem;
  const named = KEY_FAULTS.has(problem.code) ? tree.locate(['sweep', 'grid', key], 'key') : undefined;
  if (named) return { ...told, ...named, ...mendedKey(key, problem) };
  const listed = listedAt(key, values[key]!, tree);
  return { ...told, ...(listed ?? tree.locate(['sweep', 'seeds']) ?? tree.locate(['sweep'], 'key') ?? tree.start), ...(listed && replacement !== undefined && { replacement }) };
}

/** The key as it was probably meant: `masking.rato` → `masking.ratio`, `batch_size` → `optimizer.batch_size`. */
function mendedKey(key: string, { key: wrong, replacement }: Problem): { replacement?: string } {
  const section = sectionsWithKey(key)[0];
  if (section !== undefined) return { replacement: `${section}.${key}` };
  if (wrong === undefined || replacement === undefined || !key.startsWith(wrong)) return {};
  return { replacement: wrong.slice(0, wrong.lastIndexOf('.') + 1) + replacement + key.slice(wrong.length) };
}

function listedAt(key: string, value: SweepValue, tree: YamlTree): SourceLocation | undefined {
  const listed = (tree.value as { sweep?: { grid?: Record<string, unknown[]> } }).sweep?.grid?.[key];
  const index = Array.isArray(listed) ? listed.indexOf(value) : -1;
  return index >= 0 ? tree.locate(['sweep', 'grid', key, index]) : undefined;
}

/** Many cells share a fault. */
function uniqueProblems(problems: readonly Problem[]): Problem[] {
  return [...new Map(problems.map((problem) => [JSON.stringify([problem.code, problem.message, problem.range?.start.offset]), problem])).values()];
}

/** `study-ratio-0.5-seed-1`: the last part of each key, or all of it where two keys end alike. */
function cellNames(sweep: string, cells: readonly Readonly<Record<string, SweepValue>>[]): string[] {
  const keys = Object.keys(cells[0] ?? {});
  const ends = keys.map((key) => key.split('.').at(-1)!);
  const label = (key: string, i: number): string => (ends.filter((end) => end === ends[i]).length > 1 ? key.replaceAll('.', '-') : ends[i]!);
  const names = cells.map((values) => [sweep, ...keys.map((key, i) => `${label(key, i)}-${String(values[key])}`)].join('-').replace(/[^\w.-]+/g, '-').slice(0, 94));
  return names.map((name, i) => (names.indexOf(name) === i ? name : `${name}-c${i + 1}`));
}

function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(sorted);
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, item]) => [key, sorted(item)]));
}
