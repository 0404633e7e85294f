/**
 * The idx format of MNIST and its relatives, plain or gzipped: two zero bytes, the type (8: unsigned byte), the number of dimensions,
 * each as a big-endian 32-bit number, then the values. Images are [N, H, W] or [N, H, W, 1 or 3]; labels, in the
 * companion file `…labels-idx1-ubyte`, are [N].
 */
import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { UserError } from '../../core/problems';
import { ByteFile } from './byte-file';
import { gunzipStart, gunzipUpTo, isGzip } from './gunzip';
import { allocatePixels, MAX_PIXEL_BYTES, PixelsSource } from './pixels-source';
import type { ImageSource } from './source';

const UNSIGNED_BYTE = 8;
const MAX_SIDE = 4096;
/** Deflate cannot shrink further: what claims more does not hold it. */
const MAX_GZIP_RATIO = 1032;

/** @throws UserError MIM2107 no idx file, damaged, cut off, or of a shape that images do not have; MIM2003 none. */
export function openIdx(path: string): ImageSource {
  const { dims, values } = readIdx(path);
  const [count, height, width, channels] = [dims[0] ?? 0, dims[1] ?? 0, dims[2] ?? 0, dims[3] ?? 1];
  const isImages = (dims.length === 3 || dims.length === 4) && (channels === 1 || channels === 3);
  if (!isImages || height < 1 || width < 1 || height > MAX_SIDE || width > MAX_SIDE) {
    throw new UserError('MIM2107', `${path} has the shape ${dims.join('×')}, which are no images.`, 'Images are N×height×width, or with a last dimension of 1 or 3.');
  }
  if (count === 0) throw new UserError('MIM2003', `No images found in ${path}: its first dimension is 0.`, 'Check `data.path`.');
  const bytes = allocatePixels(values.length, path);
  new Uint8Array(bytes).set(values);
  const labels = readLabels(path, count);
  const highest = labels ? labels.reduce((most, label) => Math.max(most, label), 0) : -1;
  const classNames = Array.from({ length: highest + 1 }, (_, label) => String(label));
  return new PixelsSource(`idx ${path}`, { kind: 'pixels', width, height, layout: channels === 3 ? 'rgb' : 'grey', bytes }, classNames, labels);
}

function readLabels(imagePath: string, count: number): Int32Array | undefined {
  const name = basename(imagePath).replace('images', 'labels').replace(/idx[34]/, 'idx1');
  const candidates = [name, name.endsWith('.gz') ? name.slice(0, -3) : `${name}.gz`].map((candidate) => join(dirname(imagePath), candidate));
  const path = candidates.find((candidate) => candidate !== imagePath && existsSync(candidate));
  if (!path) return undefined;
  const { dims, values } = readIdx(path);
  if (dims.length !== 1 || dims[0] !== count) {
    throw new UserError('MIM2107', `${path} has the shape ${dims.join('×')}, but ${imagePath} holds ${count} images.`, 'Both files must belong to the same split.');
  }
  return Int32Array.from(values);
}

function readIdx(path: string): { dims: number[]; values: Uint8Array } {
  const fault = (how: string) => new UserError('MIM2107', `${path} cannot be read as an idx file: ${how}.`, 'Download or copy it again; `data.kind: idx` reads files of unsigned bytes such as MNIST’s.');
  const stored = readWhole(path);
  const packed = isGzip(stored);
  const start = packed ? gunzipStart(stored, path) : stored;
  const rank = start[3] ?? 0;
  if (start.length < 8 || start[0] !== 0 || start[1] !== 0 || rank < 1 || rank > 4) throw fault('it does not begin as one');
  if (start[2] !== UNSIGNED_BYTE) throw fault(`its values are of type ${start[2]}, not unsigned bytes`);
  const header = 4 + 4 * rank;
  if (start.length < header) throw fault('it ends within its header');
  const view = new DataView(start.buffer, start.byteOffset);
  const dims = Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i));
  const size = header + dims.reduce((product, dim) => product * dim, 1);
  const room = packed ? stored.length * MAX_GZIP_RATIO : stored.length;
  if (size > room || size > MAX_PIXEL_BYTES) throw fault(`its header announces ${dims.join('×')} values, more than it holds`);
  const whole = packed ? gunzipUpTo(stored, size, path) : stored;
  if (whole.length !== size) throw fault(`its header announces ${size - header} values, but ${Math.max(0, whole.length - header)} follow`);
  return { dims, values: whole.subarray(header) };
}

function readWhole(path: string): Uint8Array {
  let file: ByteFile;
  try {
    file = new ByteFile(path);
  } catch (error) {
    throw new UserError('MIM2001', `${path} cannot be opened: ${error instanceof Error ? error.message : String(error)}.`, 'Check `data.path` and the file’s permissions.');
  }
  try {
    if (file.size > MAX_PIXEL_BYTES) throw new UserError('MIM2105', `${path} is ${file.size} bytes long; idx files are read into memory, up to ${MAX_PIXEL_BYTES}.`, 'Convert the set to a tar of PNG files, which is read in place.');
    return file.read(0, file.size);
  } finally {
    file.close();
  }
}
