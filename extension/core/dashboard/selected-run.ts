/** A selected run with what its folder tells beside its metrics. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { gmacPerImage } from '../config/cost';
import type { LibraryRun } from '../library/library-run';
import type { Diagnostics } from '../runs/diagnostics';
import type { RunSeries } from '../series/run-series';

export interface SelectedRun {
  readonly run: LibraryRun;
  readonly series: RunSeries;
  /** What one optimizer step costs, in GMAC; undefined where the config is not known. */
  readonly gmacPerStep?: number;
  /** What its levels did when they were last looked at. */
  readonly diagnosed?: Diagnostics;
}

/** environment.json knows the teacher's shape; without it, one like the student's is assumed. */
export async function gmacPerStep({ key, config }: LibraryRun): Promise<number | undefined> {
  if (config === undefined) return undefined;
  return ((await recordedCost(key)) ?? gmacPerImage(config).step) * config.optimizer.batch_size;
}

async function recordedCost(folder: string): Promise<number | undefined> {
  try {
    const { gmacPerImage: cost } = JSON.parse(await readFile(path.join(folder, 'environment.json'), 'utf8')) as { gmacPerImage?: unknown };
    return typeof cost === 'number' ? cost : undefined;
  } catch {
    return undefined;
  }
}
