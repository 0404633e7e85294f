/** The config key a click on a run is about: what sets it apart from the run it is compared with. */
import type { RunLibrary } from '../library/library';
import type { RunKey } from '../protocol/dashboard';
import { differingKeys } from './config-values';

/** Differ in every run of a sweep over something else, and are seldom what is asked for. */
const LAST: ReadonlySet<string> = new Set(['seed', 'name']);

/** @returns undefined where nothing differs or a config is not known. */
export function differingKey(run: RunKey, baseline: RunKey | undefined, selected: readonly RunKey[], library: Pick<RunLibrary, 'get'>): string | undefined {
  const others = baseline !== undefined && baseline !== run ? [baseline] : selected.filter((key) => key !== run);
  const keys = differingKeys([run, ...others].map((key) => library.get(key)?.config));
  return keys.find((key) => !LAST.has(key)) ?? keys[0];
}
