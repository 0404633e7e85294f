/**
 * A checkpoint: a folder `step-000123` with the weights, the method's own tensors, the optimizer's state and where the
 * run was, and a manifest with the SHA-256 of each. It is written under a temporary name and renamed when all of it
 * is on disk, so a folder of that name is whole; the manifest tells what happened to it since.
 */
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import { errorCode, explainWriteError, fingerprintFile, isTemporaryName, syncFolder, temporaryBeside, writeNewFile, type Fingerprint } from '../files/durable-files';
import { UserError } from '../problems';
import type { NamedTensors } from '../tensors';
import { readSafetensors, safetensorsChunks } from './safetensors';

export interface CheckpointContents {
  /** Optimizer steps done. */
  readonly step: number;
  /** Epochs done; may be a fraction. */
  readonly epoch: number;
  /** The student, timm names. */
  readonly model: NamedTensors;
  /** What the method trains beside the student. */
  readonly method: NamedTensors;
  /** Optimizer moments, averages. */
  readonly state: NamedTensors;
  /** Step, seeds, sampler position: whatever the trainer resumes from. */
  readonly stateJson: unknown;
  /** Safetensors metadata of the model (`vitMetadata`). */
  readonly metadata: Readonly<Record<string, string>>;
}

export interface CheckpointInfo {
  readonly path: string;
  readonly step: number;
  readonly epoch: number;
  /** ISO 8601. */
  readonly createdAt: string;
  readonly files: Readonly<Record<string, Fingerprint>>;
}

export const MODEL_FILE = 'model.safetensors';
const METHOD_FILE = 'method.safetensors';
const STATE_FILE = 'state.safetensors';
const STATE_JSON = 'state.json';
const MANIFEST = 'manifest.json';
const CHECKPOINT_NAME = /^step-(\d+)$/;

const manifestSchema = z.object({
  step: z.int().min(0),
  epoch: z.number().min(0),
  createdAt: z.string(),
  files: z.record(z.string().regex(/^[\w.-]+$/), z.object({ bytes: z.int().min(0), sha256: z.string() })),
});

/**
 * Writes a checkpoint into `folder` (the run's `checkpoints`). A checkpoint of the same step is replaced.
 * @throws UserError MIM7001 where the disk is full; nothing unfinished is left and earlier checkpoints are untouched.
 */
export async function saveCheckpoint(folder: string, contents: CheckpointContents): Promise<CheckpointInfo> {
  const target = path.join(folder, `step-${String(contents.step).padStart(6, '0')}`);
  const unfinished = temporaryBeside(target);
  try {
    await mkdir(unfinished, { recursive: true });
    const manifest = {
      step: contents.step,
      epoch: contents.epoch,
      createdAt: new Date().toISOString(),
      files: {
        [MODEL_FILE]: await writeNewFile(path.join(unfinished, MODEL_FILE), safetensorsChunks(contents.model, contents.metadata)),
        [METHOD_FILE]: await writeNewFile(path.join(unfinished, METHOD_FILE), safetensorsChunks(contents.method)),
        [STATE_FILE]: await writeNewFile(path.join(unfinished, STATE_FILE), safetensorsChunks(contents.state)),
        [STATE_JSON]: await writeNewFile(path.join(unfinished, STATE_JSON), `${JSON.stringify(contents.stateJson, null, 2)}\n`),
      },
    };
    await writeNewFile(path.join(unfinished, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`);
    await syncFolder(unfinished);
    await replaceFolder(unfinished, target);
    await syncFolder(folder);
    return { path: target, ...manifest };
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    throw explainWriteError(error, target);
  }
}

/** A folder cannot be renamed over another that is not empty: the old one steps aside first. */
async function replaceFolder(finished: string, target: string): Promise<void> {
  const aside = temporaryBeside(target);
  try {
    await rename(target, aside);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
    await rename(finished, target);
    return;
  }
  await rename(finished, target);
  await rm(aside, { recursive: true, force: true });
}

/** The checkpoints in `folder` that were written to the end, by step. Their contents are not verified. */
export async function listCheckpoints(folder: string): Promise<CheckpointInfo[]> {
  const found: CheckpointInfo[] = [];
  for (const name of await namesIn(folder)) {
    const info = CHECKPOINT_NAME.test(name) ? await readManifest(path.join(folder, name)) : undefined;
    if (info !== undefined) found.push(info);
  }
  return found.sort((a, b) => a.step - b.step);
}

/** What a checkpoint's folder says of itself; undefined where it is not one. */
export async function readManifest(folder: string): Promise<CheckpointInfo | undefined> {
  try {
    return { path: folder, ...manifestSchema.parse(JSON.parse(await readFile(path.join(folder, MANIFEST), 'utf8'))) };
  } catch {
    return undefined;
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  }
}

/**
 * Compares files with the manifest.
 * @throws UserError MIM7201 that names the file which is absent, cut short or changed.
 */
export async function verifyCheckpoint(info: CheckpointInfo, names: readonly string[] = Object.keys(info.files)): Promise<void> {
  for (const name of names) {
    const file = path.join(info.path, name);
    const expected = info.files[name];
    const found = await fingerprintFile(file).catch((error: unknown) => {
      if (errorCode(error) === 'ENOENT') return undefined;
      throw error;
    });
    if (expected === undefined || found === undefined) throw damaged(file, 'it is absent');
    if (found.bytes !== expected.bytes) throw damaged(file, `it has ${found.bytes} bytes of ${expected.bytes}`);
    if (found.sha256 !== expected.sha256) throw damaged(file, 'its contents changed since it was written');
  }
}

function damaged(file: string, what: string): UserError {
  return new UserError('MIM7201', `${file} is damaged: ${what}`, 'An earlier checkpoint of the run may be whole; check the disk.');
}

/**
 * Verifies and reads all of a checkpoint.
 * @throws UserError MIM7201 where it is damaged.
 */
export async function readCheckpoint(info: CheckpointInfo): Promise<CheckpointContents> {
  await verifyCheckpoint(info);
  const inFolder = (name: string): string => path.join(info.path, name);
  const { tensors: model, metadata } = await readSafetensors(inFolder(MODEL_FILE));
  return {
    step: info.step,
    epoch: info.epoch,
    model,
    metadata,
    method: (await readSafetensors(inFolder(METHOD_FILE))).tensors,
    state: (await readSafetensors(inFolder(STATE_FILE))).tensors,
    stateJson: JSON.parse(await readFile(inFolder(STATE_JSON), 'utf8')) as unknown,
  };
}

/**
 * The newest checkpoint whose every file is as it was written; earlier ones are tried where the newest is damaged.
 * @param onDamaged is told of each one that was passed over.
 */
export async function latestGoodCheckpoint(folder: string, onDamaged?: (error: UserError) => void): Promise<CheckpointInfo | undefined> {
  for (const info of (await listCheckpoints(folder)).reverse()) {
    try {
      await verifyCheckpoint(info);
      return info;
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      onDamaged?.(error);
    }
  }
  return undefined;
}

export interface SetAside {
  readonly step: number;
  /** Where it lies now. */
  readonly path: string;
}

/**
 * Renames the checkpoints past `step`, whole or not, so that no list has them: `set-aside-step-000123`. A run that fell back
 * to an earlier one calls this, lest they be taken for newer than what it saves next. Nothing is deleted.
 * @returns what was moved, by step.
 */
export async function setAsideCheckpointsAfter(folder: string, step: number): Promise<SetAside[]> {
  const moved: SetAside[] = [];
  const names = await namesIn(folder);
  const later = names.filter((name) => CHECKPOINT_NAME.test(name) && stepOf(name) > step).sort((a, b) => stepOf(a) - stepOf(b));
  for (const name of later) {
    const target = path.join(folder, freeName(`set-aside-${name}`, names));
    try {
      await rename(path.join(folder, name), target);
    } catch (error) {
      throw explainWriteError(error, target);
    }
    moved.push({ step: stepOf(name), path: target });
  }
  if (moved.length > 0) await syncFolder(folder);
  return moved;
}

function stepOf(name: string): number {
  return Number(CHECKPOINT_NAME.exec(name)![1]);
}

/** `name`, or the first of `name-2`, `name-3`, … that is not taken. */
function freeName(name: string, taken: readonly string[]): string {
  let free = name;
  for (let number = 2; taken.includes(free); number++) free = `${name}-${number}`;
  return free;
}

/** Removes a checkpoint; interrupted, it leaves something that no reader takes for one. */
export async function removeCheckpoint(info: CheckpointInfo): Promise<void> {
  const aside = temporaryBeside(info.path);
  await rename(info.path, aside);
  await rm(aside, { recursive: true, force: true });
}

/**
 * Clears what an interrupted writer left. A checkpoint that had stepped aside for its replacement, which then never
 * came, is put back. Only whoever holds the run's lock may call this.
 */
export async function removeUnfinished(folder: string): Promise<void> {
  for (const name of (await namesIn(folder)).filter(isTemporaryName)) {
    const leftover = path.join(folder, name);
    const target = /^\.(step-\d+)\./.exec(name)?.[1];
    const isMissed = target !== undefined && !(await namesIn(folder)).includes(target) && (await isWhole(leftover));
    if (isMissed) await rename(leftover, path.join(folder, target));
    else await rm(leftover, { recursive: true, force: true });
  }
}

async function isWhole(folder: string): Promise<boolean> {
  const info = await readManifest(folder);
  if (info === undefined) return false;
  return verifyCheckpoint(info).then(() => true, () => false);
}
