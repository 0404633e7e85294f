/** An experiment with a `sweep` section → its cells, each a whole experiment. Pure: nothing is read or run. */
import { createHash } from 'node:crypto';
import type { Problem } from '../problems';
import { checkText } from './load';
import { nearestLocation, sortProblems, type SourceLocation } from './location';
import type { Overrides } from './overrides';
import { parseExperiment } from './parse';
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
/** What belongs to the whole sweep and cannot differ between its cells. */
const SHARED = /^(mim|name|runs|sweep)(\.|$)/;

/**
 * @param overrides for every cell, as given with `--set`
 * @returns no sweep where a problem is an error; the problems of a cell are told at the value in `sweep` that makes it
 */
export function expandSweep(text: string, file: string, overrides: Overrides = {}): { readonly sweep?: ExpandedSweep; readonly problems: Problem[] } {
  const { experiment, problems } = parseExperiment(text, file, overrides);
  if (!experiment) return { problems };
  const tree = new YamlTree(text, file);
  const config = experiment.sweep;
  const faults = config === undefined ? [faultAt(tree, ['mim'], 'This experiment has no `sweep` section.', 'Add `sweep: { grid: { masking.ratio: [0.5, 0.7] } }`, or run it with `mim pretrain`.')] : faultsOf(config, tree);
  if (config === undefined || faults.length > 0) return { problems: [...problems, ...faults] };

  const checked = combinations(config).map((values) => ({ values, ...checkCell(text, file, overrides, values, tree) }));
  const all = uniqueProblems(checked.flatMap((cell) => cell.problems));
  const first = checked[0]!.resolved;
  if (first === undefined || all.some(({ severity }) => severity === 'error')) return { problems: sortProblems(all) };
  const name = config.name ?? first.name;
  const names = cellNames(name, checked.map(({ values }) => values));
  const cells = checked.map(({ values, resolved, overrides: own }, i): SweepCell => ({ name: names[i]!, values, overrides: own, resolved: resolved!, identity: experimentIdentity(resolved!) }));
  return { sweep: { name, runs: first.runs, cells }, problems: sortProblems(all) };
}

/** The same text for experiments that train the same, whatever they are called and wherever their runs lie. */
export function experimentIdentity({ name: _name, runs: _runs, derived: _derived, ...what }: ResolvedExperiment): string {
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

function checkCell(text: string, file: string, shared: Overrides, values: Record<string, SweepValue>, tree: YamlTree): { overrides: Overrides; resolved?: ResolvedExperiment; problems: Problem[] } {
  // JSON is YAML: a text stays a text, also "1e3".
  const overrides = Object.fromEntries(Object.entries(values).map(([key, value]) => [key, JSON.stringify(value)]));
  const { resolved, problems } = checkText(text, file, { ...shared, ...overrides });
  return { overrides, resolved, problems: problems.map((problem) => placed(problem, values, tree)) };
}

/** What an override caused is told where the sweep gives that value. */
function placed(problem: Problem, values: Record<string, SweepValue>, tree: YamlTree): Problem {
  const key = Object.keys(values).find((name) => problem.file === `--set ${name}=${JSON.stringify(values[name])}`);
  if (key === undefined) return problem;
  const { replacement: _replacement, ...told } = problem;
  return { ...told, ...locationOf(key, values[key]!, tree) };
}

function locationOf(key: string, value: SweepValue, tree: YamlTree): SourceLocation {
  const listed = (tree.value as { sweep?: { grid?: Record<string, unknown[]> } }).sweep?.grid?.[key];
  const index = Array.isArray(listed) ? listed.indexOf(value) : -1;
  const found = (index >= 0 ? tree.locate(['sweep', 'grid', key, index]) : undefined) ?? tree.locate(['sweep', 'seeds']);
  return found ?? nearestLocation((name, part) => tree.locate(name.split('.'), part), ['sweep']) ?? tree.start;
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
