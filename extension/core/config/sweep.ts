/** An experiment with a `sweep` section → its cells, each a whole experiment. Pure: nothing is read or run. */
import { createHash } from 'node:crypto';
import type { Problem } from '../problems';
import { sectionsWithKey } from './json-schema';
import { checkTree } from './load';
import { sortProblems } from './location';
import type { Overrides } from './overrides';
import { parseTree } from './parse';
import type { Experiment, HalvingConfig, LauncherConfig, ResolvedExperiment, SweepConfig } from './schema';
import { combinations, type Setting, type Settings, type SweepValue } from './sweep-combinations';
import { applyConditions } from './sweep-conditions';
import { faultAt, sweepFaults } from './sweep-faults';
import { cellNames } from './sweep-names';
import { YamlTree } from './yaml-tree';

export interface SweepCell {
  /** Of its run; unlike that of any other cell. */
  readonly name: string;
  /** By dotted key, `seed` included where seeds are swept. */
  readonly values: Readonly<Record<string, SweepValue>>;
  /** What makes this cell of the file, as `--set` would give it. */
  readonly overrides: Overrides;
  readonly resolved: ResolvedExperiment;
  /** See {@link experimentIdentity}; unlike that of any other cell. */
  readonly identity: string;
}

export interface ExpandedSweep {
  readonly name: string;
  /** Where the runs are made: the experiment's `runs`, absolute. */
  readonly runs: string;
  readonly launcher: LauncherConfig;
  readonly halving?: HalvingConfig;
  /** In the order in which they run: listed, drawn, the grid with its last key fastest, seeds faster still. */
  readonly cells: readonly SweepCell[];
  /** Combinations that train the same as a cell before them, and are not run for themselves. */
  readonly duplicates: readonly { readonly values: SweepCell['values']; /** Name of that cell. */ readonly of: string }[];
  /** Combinations that a condition excludes. */
  readonly excluded: number;
}

/** An unknown key, or one that cannot be set: whatever its values are. */
const KEY_FAULTS: ReadonlySet<string> = new Set(['MIM1003', 'MIM1011']);
/** What an experiment is called, where its runs lie, how they are logged and looked at, and what follows from the rest. */
const NOT_TRAINED: ReadonlySet<string> = new Set(['name', 'runs', 'logging', 'diagnostics', 'derived']);

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
  const faults = config === undefined ? [faultAt(tree, ['mim'], 'This experiment has no `sweep` section.', 'Add `sweep: { grid: { masking.ratio: [0.5, 0.7] } }`, or run it with `mim pretrain`.')] : sweepFaults(config, experiment, tree);
  if (config === undefined || faults.length > 0) return { problems: sortProblems([...problems, ...faults]) };

  const { wanted, excluded, told } = conditioned(config, experiment, tree);
  const checked: CheckedCell[] = [];
  for (const settings of wanted) {
    checked.push(checkCell(overrides, settings, tree));
    yield;
  }
  const all = sortProblems(uniqueProblems([...told, ...checked.flatMap((cell) => cell.problems)]));
  if (checked.length === 0 || all.some(({ severity }) => severity === 'error')) return { problems: all };
  return { sweep: { ...cellsOf(checked, config, experiment), excluded }, problems: all };
}

/** What is left of all combinations, and what is to be said of conditions. */
function conditioned(config: SweepConfig, experiment: Experiment, tree: YamlTree): { wanted: Settings[]; excluded: number; told: Problem[] } {
  const conditions = config.conditions ?? [];
  const cells = combinations(config).map((settings) => applyConditions(settings, conditions, experiment));
  const wanted = cells.flatMap(({ settings }) => (settings ? [settings] : []));
  const held = new Set(cells.flatMap((cell) => cell.held));
  const told = conditions.flatMap((_, index): Problem[] => {
    if (held.has(index)) return [];
    return [{ ...faultAt(tree, ['sweep', 'conditions', index, 'if'], 'This condition holds in no cell.', 'Compare its values with those that are swept, and with the conditions before it.'), severity: 'warning' }];
  });
  if (wanted.length === 0) told.push(faultAt(tree, ['sweep', 'conditions'], 'The conditions exclude every cell.', 'Exclude less.'));
  return { wanted, excluded: cells.length - wanted.length, told };
}

/** Named, those that train the same as one before them set apart. */
function cellsOf(checked: readonly CheckedCell[], config: SweepConfig, experiment: Experiment): Omit<ExpandedSweep, 'excluded'> {
  const identities = checked.map(({ resolved }) => experimentIdentity(resolved!));
  const first = (index: number): number => identities.indexOf(identities[index]!);
  const kept = checked.flatMap((cell, index) => (first(index) === index ? [{ ...cell, identity: identities[index]! }] : []));
  const { name: ownName, runs } = checked[0]!.resolved!;
  const name = config.name ?? ownName;
  const names = cellNames(name, kept.map(({ settings }) => settings), experiment, config.cell_name);
  const nameOf = new Map(kept.map(({ identity }, index) => [identity, names[index]!]));
  return {
    name,
    runs,
    launcher: experiment.launcher,
    ...(config.halving && { halving: config.halving }),
    cells: kept.map(({ settings, resolved, overrides, identity }, index): SweepCell => ({ name: names[index]!, values: valuesOf(settings), overrides, resolved: resolved!, identity })),
    duplicates: checked.flatMap(({ settings }, index) => (first(index) === index ? [] : [{ values: valuesOf(settings), of: nameOf.get(identities[index]!)! }])),
  };
}

function valuesOf(settings: Settings): Record<string, SweepValue> {
  return Object.fromEntries(Object.entries(settings).map(([key, { value }]) => [key, value]));
}

/** The same text for experiments that train the same, whatever they are called and wherever their runs lie. */
export function experimentIdentity(experiment: ResolvedExperiment): string {
  const what = Object.fromEntries(Object.entries(experiment).filter(([key]) => !NOT_TRAINED.has(key)));
  return createHash('sha256').update(JSON.stringify(sorted(what))).digest('hex');
}

interface CheckedCell {
  readonly settings: Settings;
  readonly overrides: Overrides;
  readonly resolved?: ResolvedExperiment;
  readonly problems: readonly Problem[];
}

function checkCell(shared: Overrides, settings: Settings, tree: YamlTree): CheckedCell {
  // JSON is YAML: a text stays a text, also "1e3".
  const overrides = Object.fromEntries(Object.entries(settings).map(([key, { value }]) => [key, JSON.stringify(value)]));
  const { resolved, problems } = checkTree(tree.copy(), { ...shared, ...overrides });
  return { settings, overrides, resolved, problems: problems.map((problem) => placed(problem, settings, tree)) };
}

/** What an override caused is told where the sweep gives that value, or names that key. */
function placed(problem: Problem, settings: Settings, tree: YamlTree): Problem {
  const found = Object.entries(settings).find(([key, { value }]) => problem.file === `--set ${key}=${JSON.stringify(value)}`);
  if (found === undefined) return problem;
  const [key, setting] = found;
  const { replacement, ...told } = problem;
  const named = KEY_FAULTS.has(problem.code) ? tree.locate(setting.named, 'key') : undefined;
  if (named) return { ...told, ...named, ...mendedKey(key, problem) };
  return { ...told, ...(tree.locate(setting.at) ?? tree.locate(['sweep'], 'key') ?? tree.start), ...(setting.written && replacement !== undefined && { replacement }), ...drawnHint(told, key, setting) };
}

/** A value that stands nowhere is told. */
function drawnHint({ hint }: Omit<Problem, 'replacement'>, key: string, { value, at }: Setting): { hint?: string } {
  return at[1] === 'random' ? { hint: `\`${key}: ${String(value)}\` was drawn from this.${hint === undefined ? '' : ` ${hint}`}` } : {};
}

/** The key as it was probably meant: `masking.rato` → `masking.ratio`, `batch_size` → `optimizer.batch_size`. */
function mendedKey(key: string, { key: wrong, replacement }: Problem): { replacement?: string } {
  const section = sectionsWithKey(key)[0];
  if (section !== undefined) return { replacement: `${section}.${key}` };
  if (wrong === undefined || replacement === undefined || !key.startsWith(wrong)) return {};
  return { replacement: wrong.slice(0, wrong.lastIndexOf('.') + 1) + replacement + key.slice(wrong.length) };
}

/** Many cells share a fault. */
function uniqueProblems(problems: readonly Problem[]): Problem[] {
  return [...new Map(problems.map((problem) => [JSON.stringify([problem.code, problem.message, problem.range?.start.offset]), problem])).values()];
}

function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(sorted);
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, item]) => [key, sorted(item)]));
}
