/** Opens a weight file of whatever format it turns out to be; the name's ending is not trusted. */
import { bytesOf } from '../files/byte-source';
import { openPytorch } from './pytorch';
import { openForReading, readHeader, readStored } from './safetensors';
import type { TensorSource } from './tensor-source';

/** @throws UserError where the file cannot be opened or is neither a valid safetensors nor a PyTorch file. */
export async function openTensors(file: string): Promise<TensorSource> {
  return (await looksLikePytorch(file)) ? openPytorch(file) : openSafetensors(file);
}

/** A zip archive, or the pickle of PyTorch before 1.6 (which `openPytorch` explains how to convert). */
async function looksLikePytorch(file: string): Promise<boolean> {
  const handle = await openForReading(file);
  try {
    const start = await (await bytesOf(handle)).read(0, 4);
    if (start === undefined) return false;
    const zip = start[0] === 0x50 && start[1] === 0x4b;
    const pickle = start[0] === 0x80 && start[1]! <= 5 && /\.(bin|pth?|ckpt)$/i.test(file);
    return zip || pickle;
  } finally {
    await handle.close();
  }
}

async function openSafetensors(file: string): Promise<TensorSource> {
  const handle = await openForReading(file);
  try {
    const bytes = await bytesOf(handle);
    const header = await readHeader(bytes, file);
    return {
      file,
      kind: 'safetensors',
      entries: header.tensors,
      metadata: header.metadata,
      read: (name) => readStored(bytes, header, name, file),
      close: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}
