/**
 * Finds what `data.path` holds and where its training and test images lie, by names alone.
 *
 * A place is looked at in this order: a `train` folder within it (but a class may be called so, among other classes); CIFAR binaries; idx files; Parquet; tar shards; class folders or
 * images. Files whose name says `test`, `t10k`, `val`, `valid` or `validation` are the test split, as are folders of those names.
 */
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { DataConfig } from '../../core/config/schema';
import { UserError } from '../../core/problems';
import { isImageName } from './folder-source';

export type StoredKind = Exclude<DataConfig['kind'], 'auto' | 'shapes'>;

/** One split: a folder (kind `folder`) or files in their order. A packed CIFAR archive holds both splits. */
export interface Place {
  readonly kind: StoredKind;
  readonly paths: readonly string[];
}

export interface Located {
  readonly train: Place;
  readonly test?: Place;
}

const TEST_NAMES = ['test', 't10k', 'val', 'valid', 'validation'];
const FILE_KINDS = ['cifar10', 'cifar100', 'idx', 'parquet', 'tar'] as const;
/** Folders inside official archives and Hugging Face repositories that hold the files themselves. */
const INNER_FOLDERS = ['cifar-10-batches-bin', 'cifar-100-binary', 'data', 'raw'];

/**
 * @param kind what to look for; `auto` takes what is found first.
 * @throws UserError MIM2001 nothing at the path; MIM2002 nothing there that is a set of images; MIM2004 a packed archive.
 */
export async function locate(path: string, kind: Exclude<DataConfig['kind'], 'shapes'>): Promise<Located> {
  const stats = await stat(path).catch(() => undefined);
  if (!stats) throw new UserError('MIM2001', `There is nothing at ${path}.`, '`data.path` is relative to the experiment’s file; it names a folder, a tar, or a file of a known set.');
  const found = stats.isDirectory() ? await inFolder(path, kind) : await aroundFile(path, kind);
  if (found) return found;
  const expected = kind === 'auto' ? 'class folders, images, tar shards, CIFAR binaries, idx or Parquet files' : `what \`kind: ${kind}\` expects`;
  throw new UserError('MIM2002', `${path} holds no images that can be recognised: looked for ${expected}.`, 'Check `data.path`; `data.kind` says which format to expect.');
}

/** A file given by name: its kind, and a test split beside it whose name differs only in the split. */
async function aroundFile(path: string, kind: string): Promise<Located | undefined> {
  const name = basename(path);
  const fileKind = FILE_KINDS.find((candidate) => (kind === 'auto' || kind === candidate) && isFileOf(candidate, name)) ?? (kind === 'tar' ? 'tar' : undefined);
  if (!fileKind) {
    if (/\.(tgz|tar\.\w+)$/i.test(name)) throw new UserError('MIM2004', `${path} is compressed; images cannot be read from it in place.`, 'Unpack it to a .tar first, for example with gunzip.');
    return undefined;
  }
  const train: Place = { kind: fileKind, paths: [path] };
  if (isPackedCifar(fileKind, name)) return { train, test: train };
  const siblings = (await readdir(dirname(path))).filter((sibling) => isFileOf(fileKind, sibling) && !isPackedCifar(fileKind, sibling)).sort();
  const split = splitOf(name);
  const test = split && TEST_NAMES.includes(split) ? [] : testNames(siblings).filter((sibling) => sibling !== name);
  return { train, test: test.length > 0 ? { kind: fileKind, paths: test.map((sibling) => join(dirname(path), sibling)) } : undefined };
}

async function inFolder(path: string, kind: string): Promise<Located | undefined> {
  const entries = await readdir(path, { withFileTypes: true });
  const names = entries.map((entry) => entry.name).filter((name) => !name.startsWith('.')).sort();
  if (await hasTrainFolder(path, names)) {
    const train = await inFolder(join(path, 'train'), kind);
    return train && { train: train.train, test: (await testFolder(path, names, kind)) ?? train.test };
  }
  const files = filesIn(path, names, kind);
  if (files) return files;
  for (const inner of INNER_FOLDERS) {
    const found = names.includes(inner) && (await isFolder(join(path, inner))) ? filesIn(join(path, inner), (await readdir(join(path, inner))).sort(), kind) : undefined;
    if (found) return found;
  }
  if (kind !== 'auto' && kind !== 'folder') return undefined;
  if (!(await holdsImages(path, entries.map((entry) => entry.name)))) return undefined;
  const isTraining = splitOf(basename(path)) === 'train';
  const test = isTraining ? await testFolder(dirname(path), (await readdir(dirname(path))).sort(), kind) : undefined;
  return { train: { kind: 'folder', paths: [path] }, test };
}

/** A folder `train` is a split beside a test split, or where no folder beside it holds images as a class would. */
async function hasTrainFolder(path: string, names: readonly string[]): Promise<boolean> {
  if (!names.includes('train') || !(await isFolder(join(path, 'train')))) return false;
  for (const name of TEST_NAMES) if (names.includes(name) && (await isFolder(join(path, name)))) return true;
  for (const name of names) if (name !== 'train' && (await readdir(join(path, name)).catch(() => [])).some(isImageName)) return false;
  return true;
}

/** The first test folder among `names`, in the order of TEST_NAMES. */
async function testFolder(parent: string, names: readonly string[], kind: string): Promise<Place | undefined> {
  for (const name of TEST_NAMES) {
    if (!names.includes(name) || !(await isFolder(join(parent, name)))) continue;
    const found = await inFolder(join(parent, name), kind);
    if (found) return found.train;
  }
  return undefined;
}

/** Files of the first kind that is there, parted into splits. */
function filesIn(folder: string, names: readonly string[], kind: string): Located | undefined {
  for (const candidate of FILE_KINDS) {
    if (kind !== 'auto' && kind !== candidate) continue;
    const all = names.filter((name) => isFileOf(candidate, name));
    const packed = all.find((name) => isPackedCifar(candidate, name));
    const plain = all.filter((name) => !isPackedCifar(candidate, name));
    if (plain.length === 0 && packed) {
      const archive: Place = { kind: candidate, paths: [join(folder, packed)] };
      return { train: archive, test: archive };
    }
    if (plain.length === 0) continue;
    const place = (chosen: readonly string[]): Place => ({ kind: candidate, paths: chosen.map((name) => join(folder, name)) });
    const test = testNames(plain);
    const marked = plain.filter((name) => splitOf(name) === 'train');
    const train = marked.length > 0 ? marked : plain.filter((name) => !TEST_NAMES.includes(splitOf(name) ?? ''));
    // A folder with a test split alone is taken as it is: it may have been named as the test set.
    return train.length === 0 ? { train: place(test) } : { train: place(train), test: test.length > 0 ? place(test) : undefined };
  }
  return undefined;
}

function isFileOf(kind: (typeof FILE_KINDS)[number], name: string): boolean {
  switch (kind) {
    case 'cifar10':
      return /^(data_batch_\d+|test_batch)\.bin$/.test(name) || isPackedCifar(kind, name);
    case 'cifar100':
      return /^(train|test)\.bin$/.test(name) || isPackedCifar(kind, name);
    case 'idx':
      return /(images.*idx[34]-ubyte|images\.idx[34]?)(\.gz)?$/.test(name);
    case 'parquet':
      return name.endsWith('.parquet');
    case 'tar':
      return name.endsWith('.tar');
    default:
      throw new Error(`No file names for ${kind satisfies never}`);
  }
}

export function isPackedCifar(kind: StoredKind, name: string): boolean {
  return (kind === 'cifar10' && /^cifar-10-binary\.(tar\.gz|tgz|tar)$/.test(name)) || (kind === 'cifar100' && /^cifar-100-binary\.(tar\.gz|tgz|tar)$/.test(name));
}

/** The split a name tells of: `train`, one of TEST_NAMES, or undefined. Parts of names are set off by anything but letters and digits. */
function splitOf(name: string): string | undefined {
  return name
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .find((part) => part === 'train' || part === 'training' || TEST_NAMES.includes(part))
    ?.replace('training', 'train');
}

/** The names of the first test split that occurs: `test` and `val` are not mixed. */
function testNames(names: readonly string[]): string[] {
  for (const split of TEST_NAMES) {
    const found = names.filter((name) => splitOf(name) === split);
    if (found.length > 0) return found;
  }
  return [];
}

/** A link to nowhere is nothing. */
async function isFolder(path: string): Promise<boolean> {
  return stat(path).then((stats) => stats.isDirectory(), () => false);
}

async function holdsImages(path: string, names: readonly string[]): Promise<boolean> {
  if (names.some(isImageName)) return true;
  for (const name of names) if (await isFolder(join(path, name))) return true;
  return false;
}
