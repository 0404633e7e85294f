/** What a run came to, for tests that compare runs. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readSafetensors } from '../../../extension/core/checkpoints/safetensors';
import { RunDirectory } from '../../../extension/core/runs/run-directory';
import type { NamedTensors } from '../../../extension/core/tensors';

/** The student of the last checkpoint. */
export async function studentOf(path: string): Promise<NamedTensors> {
  const last = (await (await RunDirectory.open(path)).listCheckpoints()).at(-1)!;
  return (await readSafetensors(join(last.path, 'model.safetensors'))).tensors;
}

/** By step. */
export async function lossesOf(path: string): Promise<number[]> {
  const lines = (await readFile(join(path, 'metrics.jsonl'), 'utf8')).trim().split('\n');
  return lines.map((line) => (JSON.parse(line) as { loss: number }).loss);
}
