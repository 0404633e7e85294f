/** Images in tar archives and WebDataset shards, read in place by offset. */
import { basename } from 'node:path';
import { UserError } from '../../core/problems';
import { ByteFile, MAX_ENCODED_BYTES } from './byte-file';
import { isImageName, unknownClass } from './folder-source';
import { classIndex, countOf, UnreadableImage, type ImageReader, type ImageSource, type StoredImage } from './source';
import { indexTar, type TarEntry } from './tar-index';
import { sampleKey, webDatasetLabels } from './webdataset';

/** Byte ranges of files. The arrays are shared between threads, not copied. */
export interface RangesSpec {
  readonly kind: 'ranges';
  readonly files: readonly string[];
  /** Which of `files`, by image. */
  readonly file: Uint32Array;
  readonly offset: Float64Array;
  readonly size: Float64Array;
}

export class RangesReader implements ImageReader {
  readonly inMemory = false;
  private readonly open = new Map<number, ByteFile>();
  constructor(private readonly spec: RangesSpec) {}

  read(index: number): StoredImage {
    const size = this.spec.size[index]!;
    if (size > MAX_ENCODED_BYTES) throw new UnreadableImage(`${size} bytes is more than any image has`);
    const bytes = this.file(this.spec.file[index]!).read(this.spec.offset[index]!, size);
    if (bytes.length < size) throw new UnreadableImage(`the archive has become shorter: ${bytes.length} of ${size} bytes are left`);
    return { kind: 'encoded', bytes };
  }

  close(): void {
    for (const file of this.open.values()) file.close();
    this.open.clear();
  }

  private file(number: number): ByteFile {
    let file = this.open.get(number);
    if (!file) {
      try {
        file = new ByteFile(this.spec.files[number]!);
      } catch (error) {
        throw new UserError('MIM2203', `The archive ${this.spec.files[number]} can no longer be opened: ${error instanceof Error ? error.message : String(error)}.`, 'It was there when the run began; put it back and resume.');
      }
      this.open.set(number, file);
    }
    return file;
  }
}

interface Member {
  readonly shard: number;
  readonly entry: TarEntry;
  /** Class by name, or a number; undefined where nothing tells. */
  readonly label: string | number | undefined;
}

/**
 * The images of one or several archives, in their order. An image's class is its WebDataset companion (`KEY.cls`, or
 * `label`, `cls` or `class` in `KEY.json`) where shards have those, otherwise the folder it lies in; where all lie in one folder
 * there is no class.
 * @param known class names of the training split, which then give the labels.
 * @throws UserError MIM2101 damaged archive; MIM2003 no images; MIM2006 unknown class; MIM2102 missing labels.
 */
export function openTar(paths: readonly string[], known?: readonly string[]): ImageSource {
  const members = paths.flatMap((path, shard) => shardMembers(path, shard));
  if (members.length === 0) {
    throw new UserError('MIM2003', `No images found in ${paths.join(', ')}.`, 'The archive should hold .jpg, .png or .webp files, in class folders or with WebDataset .cls companions.');
  }
  const { classNames, labels } = labelMembers(members, paths, known);
  return new TarSource(paths, members, classNames, labels);
}

function shardMembers(path: string, shard: number): Member[] {
  const file = openArchive(path);
  try {
    const entries = indexTar(file, path);
    const companions = webDatasetLabels(file, entries, path);
    return entries
      .filter((entry) => isImageName(entry.name))
      .map((entry) => ({ shard, entry, label: companions ? companions.get(sampleKey(entry.name)) : folderOf(entry.name) }));
  } finally {
    file.close();
  }
}

function openArchive(path: string): ByteFile {
  try {
    return new ByteFile(path);
  } catch (error) {
    throw new UserError('MIM2001', `${path} cannot be opened: ${error instanceof Error ? error.message : String(error)}.`, 'Check `data.path` and the file’s permissions.');
  }
}

function folderOf(name: string): string | undefined {
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  return parts.length > 1 ? parts[parts.length - 2] : undefined;
}

function labelMembers(members: readonly Member[], paths: readonly string[], known?: readonly string[]): { classNames: readonly string[]; labels?: Int32Array } {
  const values = new Set(members.map((member) => member.label));
  if (values.size === 1 && (values.has(undefined) || !known?.length)) return { classNames: [] };
  const bare = members.find((member) => member.label === undefined);
  if (bare) throw new UserError('MIM2102', `${bare.entry.name} in ${paths[bare.shard]} has no class, while others have.`, 'Give every image a class folder or a .cls companion, or none.');
  if ([...values].every((value) => typeof value === 'number')) {
    const labels = Int32Array.from(members, (member) => Number(member.label));
    const highest = labels.reduce((most, label) => Math.max(most, label), 0);
    if (known?.length && highest >= known.length) throw unknownClass(String(highest), paths.join(', '));
    return { classNames: known?.length ? known : Array.from({ length: highest + 1 }, (_, label) => String(label)), labels };
  }
  const classes = classIndex(Array.from(values, String), known?.length ? known : undefined);
  const labels = Int32Array.from(members, (member) => {
    const label = classes.get(String(member.label));
    if (label === undefined) throw unknownClass(String(member.label), paths[member.shard]!);
    return label;
  });
  return { classNames: [...classes.keys()], labels };
}

class TarSource implements ImageSource {
  readonly length: number;
  readonly readerSpec: RangesSpec;
  private readonly names: readonly string[];
  constructor(
    private readonly paths: readonly string[],
    members: readonly Member[],
    readonly classNames: readonly string[],
    private readonly labels: Int32Array | undefined,
  ) {
    this.length = members.length;
    this.names = members.map((member) => member.entry.name);
    const file = new Uint32Array(new SharedArrayBuffer(4 * this.length));
    const offset = new Float64Array(new SharedArrayBuffer(8 * this.length));
    const size = new Float64Array(new SharedArrayBuffer(8 * this.length));
    members.forEach((member, i) => {
      file[i] = member.shard;
      offset[i] = member.entry.offset;
      size[i] = member.entry.size;
    });
    this.readerSpec = { kind: 'ranges', files: paths, file, offset, size };
  }

  label(index: number): number {
    return this.labels ? this.labels[index]! : -1;
  }

  name(index: number): string {
    return `${basename(this.paths[this.readerSpec.file[index]!]!)}:${this.names[index]}`;
  }

  describe(): string {
    const where = this.paths.length === 1 ? this.paths[0] : `${this.paths.length} shards, ${this.paths[0]} …`;
    return `tar ${where}: ${countOf(this.length, this.classNames)}`;
  }
}
