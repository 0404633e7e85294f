/**
 * The official binary form of CIFAR-10 and CIFAR-100: records of one label byte (CIFAR-100: coarse, then fine) and 3072 bytes, a
 * 32×32 plane each of red, green and blue. Either the .bin files or the archive they come in.
 */
import { basename, dirname, join } from 'node:path';
import { existsSync, readFileSync } from 'node:fs';
import { UserError } from '../../core/problems';
import { ByteFile, memoryRanges, type ByteRanges } from './byte-file';
import { gunzipUpTo, isGzip } from './gunzip';
import { allocatePixels, PixelsSource } from './pixels-source';
import type { ImageSource } from './source';
import { indexTar } from './tar-index';

const PIXELS = 3072;
/** Both archives hold some 185 MB. */
const MAX_UNPACKED = 2 ** 28;
const CIFAR10_NAMES = ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'];

interface Variant {
  readonly labelBytes: number;
  readonly classes: number;
  readonly namesFile: string;
  readonly fallbackNames: readonly string[];
}

const VARIANTS: Record<'cifar10' | 'cifar100', Variant> = {
  cifar10: { labelBytes: 1, classes: 10, namesFile: 'batches.meta.txt', fallbackNames: CIFAR10_NAMES },
  cifar100: { labelBytes: 2, classes: 100, namesFile: 'fine_label_names.txt', fallbackNames: Array.from({ length: 100 }, (_, label) => String(label)) },
};

/** One split's files, or the archive with the split to take from it. @throws UserError MIM2108, MIM2101, MIM2106, MIM2003 */
export function openCifar(kind: 'cifar10' | 'cifar100', paths: readonly string[], split: 'train' | 'test'): ImageSource {
  const variant = VARIANTS[kind];
  const packed = paths.length === 1 && !paths[0]!.endsWith('.bin');
  const { files, names } = packed ? fromArchive(paths[0]!, variant, split) : fromFiles(paths, variant);
  if (files.length === 0) throw new UserError('MIM2003', `${paths[0]} holds no ${split === 'train' ? 'training' : 'test'} batches.`, 'The official archive holds data_batch_1.bin … and test_batch.bin, or train.bin and test.bin.');
  const classNames = names?.length === variant.classes ? names : variant.fallbackNames;
  const { bytes, labels } = readRecords(files, variant, paths[0]!);
  return new PixelsSource(`${kind} ${packed ? paths[0] : dirname(paths[0]!)}`, { kind: 'pixels', width: 32, height: 32, layout: 'planar', bytes }, classNames, labels);
}

interface Batch {
  readonly name: string;
  readonly bytes: Uint8Array;
}

function readRecords(files: readonly Batch[], variant: Variant, where: string): { bytes: SharedArrayBuffer; labels: Int32Array } {
  const record = variant.labelBytes + PIXELS;
  for (const file of files) {
    if (file.bytes.length === 0 || file.bytes.length % record !== 0) {
      throw new UserError('MIM2108', `${file.name} is ${file.bytes.length} bytes long, not a multiple of ${record}, so it is no whole batch.`, 'Download it again; CIFAR-10 batches have records of 3073 bytes, CIFAR-100 of 3074.');
    }
  }
  const count = files.reduce((sum, file) => sum + file.bytes.length / record, 0);
  const bytes = allocatePixels(count * PIXELS, where);
  const pixels = new Uint8Array(bytes);
  const labels = new Int32Array(count);
  let image = 0;
  for (const file of files) {
    for (let start = 0; start < file.bytes.length; start += record, image++) {
      const label = file.bytes[start + variant.labelBytes - 1]!;
      if (label >= variant.classes) throw new UserError('MIM2108', `Record ${start / record} of ${file.name} has label ${label}, beyond the ${variant.classes} classes.`, 'The file is damaged or of the other CIFAR; set `data.kind` accordingly.');
      labels[image] = label;
      pixels.set(file.bytes.subarray(start + variant.labelBytes, start + record), image * PIXELS);
    }
  }
  return { bytes, labels };
}

function fromFiles(paths: readonly string[], variant: Variant): { files: Batch[]; names?: string[] } {
  const files = paths.map((path) => ({ name: path, bytes: withFile(path, (file) => file.read(0, file.size)) }));
  const namesPath = join(dirname(paths[0]!), variant.namesFile);
  return { files, names: existsSync(namesPath) ? lines(readFileSync(namesPath)) : undefined };
}

function fromArchive(path: string, variant: Variant, split: 'train' | 'test'): { files: Batch[]; names?: string[] } {
  const wanted = split === 'train' ? /^(data_batch_\d+|train)\.bin$/ : /^(test_batch|test)\.bin$/;
  return withFile(path, (file) => {
    const ranges: ByteRanges = isGzip(file.read(0, 2)) ? memoryRanges(gunzipUpTo(file.read(0, file.size), MAX_UNPACKED, path)) : file;
    const entries = indexTar(ranges, path);
    const named = entries.find((entry) => basename(entry.name) === variant.namesFile);
    const files = entries
      .filter((entry) => wanted.test(basename(entry.name)))
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map((entry) => ({ name: `${path}:${entry.name}`, bytes: ranges.read(entry.offset, entry.size) }));
    return { files, names: named && lines(ranges.read(named.offset, Math.min(named.size, 65_536))) };
  });
}

function withFile<T>(path: string, use: (file: ByteFile) => T): T {
  let file: ByteFile | undefined;
  try {
    file = new ByteFile(path);
    if (file.size > MAX_UNPACKED) throw new Error(`it is ${file.size} bytes long, more than CIFAR has`);
    return use(file);
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError('MIM2108', `${path} cannot be read: ${error instanceof Error ? error.message : String(error)}.`, 'Check `data.path` and the file’s permissions.');
  } finally {
    file?.close();
  }
}

function lines(bytes: Uint8Array): string[] {
  return Buffer.from(bytes).toString('utf8').split('\n').map((line) => line.trim()).filter((line) => line !== '');
}
