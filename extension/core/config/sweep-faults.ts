/** What is wrong with a `sweep` section itself, whatever its cells are. */
import type { Problem } from '../problems';
import { schemaNodeAt } from './json-schema';
import type { ConditionConfig, DistributionConfig, Experiment, SweepConfig } from './schema';
import { closest } from './suggest';
import { combinationCount } from './sweep-combinations';
import { valueOf } from './sweep-conditions';
import { placeholdersOf } from './sweep-names';
import type { Path, YamlTree } from './yaml-tree';

const MAX_CELLS = 1000;
/** What belongs to the whole sweep and cannot differ between its cells. */
const SHARED = /^(mim|name|runs|sweep|launcher)(\.|$)/;

export function isSweepable(key: string): boolean {
  return !SHARED.test(key);
}

export function faultAt(tree: YamlTree, path: Path, message: string, hint: string, part: 'key' | 'value' = 'key'): Problem {
  return { code: 'MIM1119', severity: 'error', key: path.join('.'), ...(tree.locate(path, part) ?? tree.locate(path.slice(0, -1), 'key') ?? tree.start), message, hint };
}

/** @param experiment that holds the section */
export function sweepFaults(config: SweepConfig, experiment: Experiment, tree: YamlTree): Problem[] {
  const named = namedKeys(config);
  const faults = [
    ...named.filter(({ key }) => !isSweepable(key)).map(({ key, path }) => faultAt(tree, path, `\`${key}\` cannot be swept: it belongs to the whole sweep.`, 'Sweep another key.')),
    ...sweptTwice(config, named, tree),
    ...Object.entries(config.random?.keys ?? {}).flatMap(([key, distribution]) => distributionFaults(distribution, ['sweep', 'random', 'keys', key], tree)),
    ...(config.conditions ?? []).flatMap((condition, index) => conditionFaults(condition, ['sweep', 'conditions', index], named.map(({ key }) => key), tree)),
    ...templateFaults(config, named.map(({ key }) => key), experiment, tree),
  ];
  if (named.length === 0 && config.seeds === undefined) faults.push(faultAt(tree, ['sweep'], 'The sweep varies nothing.', 'Give `grid: { masking.ratio: [0.5, 0.7] }`, a `list`, a `random` search, or `seeds: 3`.'));
  const count = combinationCount(config);
  if (count > MAX_CELLS) faults.push(faultAt(tree, ['sweep'], `The sweep has ${count} cells, more than ${MAX_CELLS}.`, 'Sweep fewer keys or values at once.'));
  return faults;
}

interface NamedKey {
  readonly key: string;
  readonly path: Path;
  readonly part: 'grid' | 'list' | 'random' | 'set';
}

/** Every key that a cell may get a value for, where it is named. */
function namedKeys({ grid, list = [], random, conditions = [] }: SweepConfig): NamedKey[] {
  const keysOf = (values: object, path: Path, part: NamedKey['part']): NamedKey[] => Object.keys(values).map((key) => ({ key, path: [...path, key], part }));
  return [
    ...keysOf(grid, ['sweep', 'grid'], 'grid'),
    ...list.flatMap((values, index) => keysOf(values, ['sweep', 'list', index], 'list')),
    ...keysOf(random?.keys ?? {}, ['sweep', 'random', 'keys'], 'random'),
    ...conditions.flatMap(({ set = {} }, index) => keysOf(set, ['sweep', 'conditions', index, 'set'], 'set')),
  ];
}

/** A key has one source; `set` is meant to replace. */
function sweptTwice({ seeds }: SweepConfig, named: readonly NamedKey[], tree: YamlTree): Problem[] {
  const swept = named.filter(({ part }) => part !== 'set');
  return swept.flatMap(({ key, path, part }, index) => {
    if (key === 'seed' && seeds !== undefined) return [faultAt(tree, path, '`seed` is swept twice.', `Keep either \`seeds\` or \`${part}.seed\`.`)];
    const before = swept.slice(0, index).find((other) => other.key === key && other.part !== part);
    return before ? [faultAt(tree, path, `\`${key}\` is swept twice.`, `It is already in \`${before.part}\`; keep one of them.`)] : [];
  });
}

function distributionFaults(distribution: DistributionConfig, path: Path, tree: YamlTree): Problem[] {
  const kinds = Object.entries(distribution).filter(([, value]) => value !== undefined);
  if (kinds.length !== 1) return [faultAt(tree, path, `\`${String(path.at(-1))}\` needs one distribution, and has ${kinds.length === 0 ? 'none' : kinds.map(([kind]) => kind).join(' and ')}.`, 'Write one of `uniform: [low, high]`, `log_uniform: [low, high]`, `int_uniform: [first, last]`, `choice: [a, b]`.')];
  const [kind, values] = kinds[0]! as [string, (string | number | boolean)[]];
  const [low, high] = values as [number, number];
  if (kind === 'choice') return [];
  if (low > high) return [faultAt(tree, [...path, kind], `\`${kind}\` goes from ${low} down to ${high}.`, `Write the smaller one first: [${high}, ${low}].`, 'value')];
  if (kind === 'log_uniform' && low <= 0) return [faultAt(tree, [...path, kind], `\`log_uniform\` starts at ${low}, which has no logarithm.`, 'Start above 0, or use `uniform`.', 'value')];
  return [];
}

function conditionFaults({ if: wanted, set = {}, exclude }: ConditionConfig, path: Path, swept: readonly string[], tree: YamlTree): Problem[] {
  const unknown = Object.keys(wanted).filter((key) => !swept.includes(key) && !isKey(key)).map((key) => faultAt(tree, [...path, 'if', key], `\`${key}\` is no key of an experiment.`, unknownHint(key, swept)));
  const sets = Object.keys(set).length > 0;
  if (!sets && exclude !== true) return [...unknown, faultAt(tree, [...path, 'if'], 'The condition does nothing.', 'Give it `set: { masking.ratio: 0.6 }`, or `exclude: true`.')];
  if (sets && exclude === true) return [...unknown, faultAt(tree, [...path, 'exclude'], 'A cell that is excluded has no values to set.', 'Keep either `set` or `exclude`.')];
  return unknown;
}

function templateFaults({ cell_name: template }: SweepConfig, swept: readonly string[], experiment: Experiment, tree: YamlTree): Problem[] {
  const path = ['sweep', 'cell_name'];
  return placeholdersOf(template ?? '').flatMap((key) => {
    if (key === 'name' || key === 'seed' || swept.includes(key) || valueOf(key, {}, experiment) !== undefined) return [];
    return [faultAt(tree, path, isKey(key) ? `\`{${key}}\` has no single value here.` : `\`{${key}}\` is no key of an experiment.`, unknownHint(key, swept), 'value')];
  });
}

function isKey(key: string): boolean {
  return schemaNodeAt(key.split('.').map((step) => (/^\d+$/.test(step) ? Number(step) : step))) !== undefined;
}

function unknownHint(key: string, swept: readonly string[]): string {
  const meant = closest(key, swept) ?? swept.find((other) => other.endsWith(`.${key}`));
  return meant === undefined ? 'Write a dotted key, such as masking.ratio.' : `Did you mean \`${meant}\`?`;
}
