/** Image files in class folders, or in one flat folder without labels. */
import { readdir, realpath, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { UserError } from '../../core/problems';
import { readImageFile } from './byte-file';
import { classIndex, countOf, type ImageReader, type ImageSource, type StoredImage } from './source';

const IMAGE_NAME = /\.(jpe?g|png|webp)$/i;

export function isImageName(name: string): boolean {
  return IMAGE_NAME.test(name) && !/(^|[\\/])\._/.test(name);
}

export interface FilesSpec {
  readonly kind: 'files';
  readonly paths: readonly string[];
}

export class FilesReader implements ImageReader {
  readonly inMemory = false;
  constructor(private readonly spec: FilesSpec) {}

  read(index: number): StoredImage {
    return { kind: 'encoded', bytes: readImageFile(this.spec.paths[index]!) };
  }

  close(): void {}
}

/**
 * Class folders: every folder directly under `root` that holds images, at any depth, is a class. Without such folders the
 * images of `root` itself are taken, without labels. Order: by class, then by path, by code point.
 * @param known class names of the training split, which then give the labels.
 * @throws UserError MIM2003 no images; MIM2006 a class that `known` does not have.
 */
export async function openFolder(root: string, known?: readonly string[]): Promise<ImageSource> {
  const { folders, images } = await list(root);
  const here = await realpath(root);
  const byClass: { name: string; paths: string[] }[] = [];
  for (const name of folders) {
    const paths = await imagesBelow(join(root, name), new Set([here]));
    if (paths.length > 0) byClass.push({ name, paths });
  }
  if (byClass.length === 0 && images.length === 0) {
    throw new UserError('MIM2003', `No images found in ${root}.`, 'It should hold one folder a class with .jpg, .png or .webp files in it, or such files directly.');
  }
  if (byClass.length === 0) return new FolderSource(root, images.map((name) => join(root, name)), [], undefined);
  const classes = classIndex(byClass.map((entry) => entry.name), known);
  const labels = byClass.flatMap(({ name, paths }) => {
    const label = classes.get(name);
    if (label === undefined) throw unknownClass(name, root);
    return paths.map(() => label);
  });
  return new FolderSource(root, byClass.flatMap((entry) => entry.paths), [...classes.keys()], Int32Array.from(labels));
}

export function unknownClass(name: string, where: string): UserError {
  return new UserError('MIM2006', `${where} has a class "${name}" that the training images do not have.`, 'The classes of both splits must carry the same names.');
}

class FolderSource implements ImageSource {
  readonly length: number;
  readonly readerSpec: FilesSpec;
  constructor(
    private readonly root: string,
    paths: readonly string[],
    readonly classNames: readonly string[],
    private readonly labels: Int32Array | undefined,
  ) {
    this.length = paths.length;
    this.readerSpec = { kind: 'files', paths };
  }

  label(index: number): number {
    return this.labels ? this.labels[index]! : -1;
  }

  name(index: number): string {
    return relative(this.root, this.readerSpec.paths[index]!).split(sep).join('/');
  }

  describe(): string {
    return `folder ${this.root}: ${countOf(this.length, this.classNames)}`;
  }
}

/** @param listed real paths of the folders listed so far: one linked into itself would go on for ever. */
async function imagesBelow(folder: string, listed: Set<string>): Promise<string[]> {
  const place = await realpath(folder);
  if (listed.has(place)) return [];
  listed.add(place);
  const { folders, images } = await list(folder);
  const paths = images.map((name) => join(folder, name));
  for (const name of folders) for (const path of await imagesBelow(join(folder, name), listed)) paths.push(path);
  return paths;
}

/** Folders and image files of a folder, sorted; links are followed, hidden names are not. */
async function list(folder: string): Promise<{ folders: string[]; images: string[] }> {
  const folders: string[] = [];
  const images: string[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.name.startsWith('.')) continue;
    const kind = entry.isSymbolicLink() ? await stat(join(folder, entry.name)).catch(() => undefined) : entry;
    if (kind?.isDirectory()) folders.push(entry.name);
    else if (kind?.isFile() && isImageName(entry.name)) images.push(entry.name);
  }
  return { folders: folders.sort(), images: images.sort() };
}
