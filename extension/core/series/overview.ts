/** A first look at a large metrics file: a few records from each of many places, in milliseconds instead of seconds. */
import { open, type FileHandle } from 'node:fs/promises';
import { errorCode } from '../files/durable-files';
import { parseRecord, type MetricRecord } from '../runs/metrics-file';

/** Smaller files are read whole. */
const LARGE_BYTES = 2 << 20;
const PLACES = 96;
const PLACE_BYTES = 2048;

/** In the order of the file, the first and last record among them; undefined where the file is small or absent. */
export async function sampleRecords(file: string): Promise<MetricRecord[] | undefined> {
  let handle: FileHandle;
  try {
    handle = await open(file, 'r');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const { size } = await handle.stat();
    if (size < LARGE_BYTES) return undefined;
    const offsets = Array.from({ length: PLACES }, (_, i) => Math.floor((i * (size - PLACE_BYTES)) / (PLACES - 1)));
    const pieces = await Promise.all(offsets.map((offset) => recordsAt(handle, offset)));
    return pieces.flat();
  } finally {
    await handle.close();
  }
}

/** The whole lines after `offset`; what begins before it is cut off. */
async function recordsAt(handle: FileHandle, offset: number): Promise<MetricRecord[]> {
  const piece = Buffer.allocUnsafe(PLACE_BYTES);
  const { bytesRead } = await handle.read(piece, 0, PLACE_BYTES, offset);
  const lines = piece.toString('utf8', 0, bytesRead).split('\n').slice(offset === 0 ? 0 : 1, -1);
  return lines.map(parseRecord).filter((record) => record !== undefined);
}
