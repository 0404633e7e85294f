/** `conditions` of a sweep: what holds only in some cells. */
import type { ConditionConfig, Experiment } from './schema';
import { settingsAt, type Settings, type SweepValue } from './sweep-combinations';

/** A cell once the conditions are applied, and which of them held. */
export interface ConditionedCell {
  /** Absent where the cell is excluded. */
  readonly settings?: Settings;
  /** Indexes of the conditions. */
  readonly held: readonly number[];
}

/**
 * Applies the conditions in order; each sees what those before it set.
 *
 * @param experiment for the values of keys that are not swept
 */
export function applyConditions(settings: Settings, conditions: readonly ConditionConfig[], experiment: Experiment): ConditionedCell {
  let current = settings;
  const held: number[] = [];
  for (const [index, condition] of conditions.entries()) {
    if (!holds(condition, current, experiment)) continue;
    held.push(index);
    if (condition.exclude === true) return { held };
    current = { ...current, ...settingsAt(['sweep', 'conditions', index, 'set'], condition.set ?? {}) };
  }
  return { settings: current, held };
}

function holds({ if: wanted }: ConditionConfig, settings: Settings, experiment: Experiment): boolean {
  return Object.entries(wanted).every(([key, values]) => {
    const value = valueOf(key, settings, experiment);
    return value !== undefined && (Array.isArray(values) ? values.includes(value) : values === value);
  });
}

/** Of a dotted key in a cell: as swept, or as the experiment has it; undefined where it is no single value. */
export function valueOf(key: string, settings: Settings, experiment: Experiment): SweepValue | undefined {
  const swept = settings[key]?.value;
  if (swept !== undefined) return swept;
  let value: unknown = experiment;
  for (const step of key.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<string, unknown>)[step];
  }
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : undefined;
}
