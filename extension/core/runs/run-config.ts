/** What a run trains, as its frozen config says. */
import { parseResolved } from '../config/freeze';
import type { ResolvedExperiment } from '../config/schema';
import { RunDirectory } from './run-directory';

/** What the run trains; undefined where config.yaml is absent or damaged. */
export async function configOf(path: string): Promise<ResolvedExperiment | undefined> {
  return configFrom(await configText(path));
}

/** config.yaml as it is written; undefined where it is absent. */
export async function configText(path: string): Promise<string | undefined> {
  return (await RunDirectory.open(path).catch(() => undefined))?.readConfig().catch(() => undefined);
}

/** Undefined where the text is none or damaged. */
export function configFrom(text: string | undefined): ResolvedExperiment | undefined {
  try {
    return text === undefined ? undefined : parseResolved(text);
  } catch {
    return undefined;
  }
}
