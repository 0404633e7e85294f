/**
 * Models as ONNX Runtime optimised them, on disk: optimising takes three quarters of the time that opening a session does, and
 * is the same each time.
 *
 * A file's name says what it was made of and for (the model's bytes, ONNX Runtime's version and options, the processor) and
 * what it holds, so that one that was damaged is told and made again. The graphs used last are kept, up to a size.
 */
import { createHash, type Hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { arch, cpus } from 'node:os';
import path from 'node:path';
import { env, InferenceSession } from 'onnxruntime-node';
import { cacheFolder, type Variables } from '../../../core/files/cache-folder';
import { isTemporaryName, temporaryBeside } from '../../../core/files/durable-files';

/** Names another folder for optimised graphs; `off`: none is kept. */
export const GRAPHS_VARIABLE = 'MIM_GRAPHS';

const MOST_BYTES = 2 ** 30;
/** Of one graph: optimising those that are larger takes little of the time that reading them does. */
const MOST_BYTES_EACH = 2 ** 28;

/** Undefined where none is to be kept. */
export function graphsFolder(variables: Variables = process.env): string | undefined {
  const named = variables[GRAPHS_VARIABLE];
  if (named === 'off') return undefined;
  return named ? path.resolve(named) : cacheFolder('graphs', variables);
}

/** A session of the model: from the cache where it is there, else put there. A cache that cannot be read or written is done without. */
export async function openKept(model: Uint8Array, options: InferenceSession.SessionOptions, folder = graphsFolder()): Promise<InferenceSession> {
  if (folder === undefined || model.byteLength > MOST_BYTES_EACH) return InferenceSession.create(model, options);
  const key = keyOf(model, options);
  return (await openFromCache(folder, key, options)) ?? openAndKeep(model, options, folder, key);
}

function keyOf(model: Uint8Array, options: InferenceSession.SessionOptions): string {
  const made = { onnxruntime: env.versions.node ?? env.versions.common, options, processor: processor() };
  return nameOf(createHash('sha256').update(JSON.stringify(made)).update(model));
}

/** 128 bits of it. */
function nameOf(hash: Hash): string {
  return hash.digest('hex').slice(0, 32);
}

/** ONNX Runtime arranges some weights for the instructions that there are, which the processor's name does not always tell. */
function processor(): string {
  let flags = '';
  try {
    flags = /^(flags|Features)\s*:.*$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[0] ?? '';
  } catch {
    // Not Linux.
  }
  return [process.platform, arch(), cpus()[0]?.model, flags].join(' ');
}

/** Undefined where there is none. What is not what was written, or does not open, is deleted. */
async function openFromCache(folder: string, key: string, options: InferenceSession.SessionOptions): Promise<InferenceSession | undefined> {
  const name = (await filesOf(folder)).find((found) => found.startsWith(key));
  if (name === undefined) return undefined;
  const file = path.join(folder, name);
  try {
    const bytes = await readFile(file);
    if (name !== fileName(key, bytes)) throw new Error(`${file} was changed since it was written.`);
    const session = await InferenceSession.create(bytes, { ...options, graphOptimizationLevel: 'disabled' });
    const now = new Date();
    await utimes(file, now, now).catch(() => undefined);
    return session;
  } catch {
    await rm(file, { force: true }).catch(() => undefined);
    return undefined;
  }
}

async function openAndKeep(model: Uint8Array, options: InferenceSession.SessionOptions, folder: string, key: string): Promise<InferenceSession> {
  const temporary = temporaryBeside(path.join(folder, key));
  const isThere = await mkdir(folder, { recursive: true }).then(() => true, () => false);
  if (!isThere) return InferenceSession.create(model, options);
  try {
    // Where it cannot be written, the session is not opened either.
    const session = await InferenceSession.create(model, { ...options, optimizedModelFilePath: temporary }).catch(() => InferenceSession.create(model, options));
    const written = await readFile(temporary).catch(() => undefined);
    if (written !== undefined) {
      await rename(temporary, path.join(folder, fileName(key, written))).catch(() => undefined);
      await dropOldest(folder).catch(() => undefined);
    }
    return session;
  } finally {
    await rm(temporary, { force: true }).catch(() => undefined);
  }
}

function fileName(key: string, bytes: Uint8Array): string {
  return `${key}-${nameOf(createHash('sha256').update(bytes))}.onnx`;
}

async function filesOf(folder: string): Promise<string[]> {
  return (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.onnx') && !isTemporaryName(name));
}

/** Those not used for longest, until the rest fits. */
async function dropOldest(folder: string, most = MOST_BYTES): Promise<void> {
  const files = await Promise.all((await filesOf(folder)).map(async (name) => ({ file: path.join(folder, name), ...(await stat(path.join(folder, name))) })));
  let bytes = 0;
  for (const { file, size } of files.toSorted((a, b) => b.mtimeMs - a.mtimeMs)) {
    bytes += size;
    if (bytes > most) await rm(file, { force: true });
  }
}
