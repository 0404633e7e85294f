/** The cells that the selected runs' sweeps expect and that no run of the library trains. */
import path from 'node:path';
import { experimentIdentity } from '../config/sweep';
import type { ResolvedExperiment } from '../config/schema';
import type { LibraryRun } from '../library/library-run';
import type { Scalar } from '../protocol/dashboard';
import { readSweeps, type SweepRecord } from '../sweeps/record';
import { configValues } from './config-values';

export interface ExpectedCell {
  /** The value of any config key: the cell's own, or what its sweep's runs have in common. */
  valueOf(key: string): Scalar;
  readonly seed: number;
}

const identities = new WeakMap<ResolvedExperiment, string>();

/** The sweeps that selected runs belong to, as their folders list them. */
export async function sweepsOf(selected: readonly LibraryRun[]): Promise<SweepRecord[]> {
  const members = selected.filter(({ sweep }) => sweep !== undefined);
  const folders = [...new Set(members.map(({ key }) => path.dirname(key)))];
  const found = await Promise.all(folders.map(async (folder) => {
    const names = new Set(members.filter(({ key }) => path.dirname(key) === folder).map(({ sweep }) => sweep));
    return (await readSweeps(folder)).filter(({ name }) => names.has(name));
  }));
  return found.flat();
}

export function missingCells(sweeps: readonly SweepRecord[], selected: readonly LibraryRun[], all: readonly LibraryRun[]): ExpectedCell[] {
  const trained = new Set(all.flatMap(({ config }) => (config ? [identityOf(config)] : [])));
  return sweeps.flatMap((sweep) => {
    const sibling = selected.find((run) => run.sweep === sweep.name)?.config;
    const shared = sibling && configValues(sibling);
    return sweep.cells
      .filter(({ identity, withdrawn }) => !withdrawn && !trained.has(identity))
      .map(({ values }) => ({
        valueOf: (key: string) => values[key] ?? shared?.get(key) ?? null,
        seed: Number(values['seed'] ?? shared?.get('seed') ?? 0),
      }));
  });
}

function identityOf(config: ResolvedExperiment): string {
  let identity = identities.get(config);
  if (identity === undefined) identities.set(config, (identity = experimentIdentity(config)));
  return identity;
}
