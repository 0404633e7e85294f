/** A run's config as scalars by dotted key, named as an experiment writes them. */
import type { ResolvedExperiment } from '../config/schema';
import type { Scalar } from '../protocol/dashboard';

/** They differ between any two runs, or follow from other keys. */
const APART: ReadonlySet<string> = new Set(['name', 'runs', 'derived', 'mim']);
const known = new WeakMap<ResolvedExperiment, ReadonlyMap<string, Scalar>>();

/** In the order of the schema; lists as JSON. */
export function configValues(config: ResolvedExperiment): ReadonlyMap<string, Scalar> {
  let values = known.get(config);
  if (values === undefined) {
    values = new Map(Object.entries(config).flatMap(([key, value]) => (APART.has(key) ? [] : flatten(key, value))).filter(([key]) => key !== 'student.image_size'));
    known.set(config, values);
  }
  return values;
}

/** Keys in which not all are the same; those without a config (undefined) are passed over. A key that is missing is a value too. */
export function differingKeys(configs: readonly (ResolvedExperiment | undefined)[]): string[] {
  const all = configs.flatMap((config) => (config ? [configValues(config)] : []));
  const keys = new Set(all.flatMap((values) => [...values.keys()]));
  return [...keys].filter((key) => new Set(all.map((values) => values.get(key) ?? null)).size > 1);
}

function flatten(key: string, value: unknown): [string, Scalar][] {
  if (value === undefined) return [];
  if (Array.isArray(value)) return [[key, JSON.stringify(value)]];
  if (typeof value === 'object' && value !== null) return Object.entries(value).flatMap(([name, item]) => flatten(`${key}.${key === 'student' ? snakeCase(name) : name}`, item));
  return [[key, typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : null]];
}

/** The student's shape is resolved under other names than it is written: `patchSize`, `patch_size`. Its image size is the data's. */
function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
