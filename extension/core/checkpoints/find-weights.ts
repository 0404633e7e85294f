/** From what a user points at to the weight file that is meant. */
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { UserError } from '../problems';
import { latestGoodCheckpoint, MODEL_FILE, readManifest, verifyCheckpoint } from './checkpoint-folder';

/**
 * A file is itself. A run directory, or its `checkpoints`, is its newest whole checkpoint's model; a checkpoint's folder
 * is its model; any other folder is its `model.safetensors` or `pytorch_model.bin`.
 * @throws UserError MIM3002 where there is nothing to read, MIM7201 where the checkpoint is damaged.
 */
export async function resolveWeights(given: string): Promise<string> {
  const kind = await kindOf(given);
  if (kind === 'file') return given;
  if (kind === undefined) throw new UserError('MIM3002', `cannot read ${given}: it does not exist`, 'Check the path.');

  const checkpoint = await readManifest(given);
  if (checkpoint !== undefined) {
    await verifyCheckpoint(checkpoint, [MODEL_FILE]);
    return path.join(given, MODEL_FILE);
  }
  for (const folder of [path.join(given, 'checkpoints'), given]) {
    const latest = await latestGoodCheckpoint(folder);
    if (latest !== undefined) return path.join(latest.path, MODEL_FILE);
  }
  for (const name of [MODEL_FILE, 'pytorch_model.bin']) {
    const file = path.join(given, name);
    if ((await kindOf(file)) === 'file') return file;
  }
  throw new UserError('MIM3002', `${given} holds no weights`, 'Point at a weight file, a run directory with a checkpoint, or a folder with model.safetensors or pytorch_model.bin.');
}

async function kindOf(name: string): Promise<'file' | 'folder' | undefined> {
  try {
    return (await stat(name)).isDirectory() ? 'folder' : 'file';
  } catch {
    return undefined;
  }
}
