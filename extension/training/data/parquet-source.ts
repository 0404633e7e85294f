/**
 * Hugging Face Parquet image sets: a column of encoded images (a struct `{bytes, path}`, or the bytes themselves) and a column of
 * labels. Footers and labels are read at the start, images when they are asked for.
 */
import { UserError } from '../../core/problems';
import { ByteFile, type ByteRanges } from './byte-file';
import { ParquetLabels } from './parquet-labels';
import { readParquetFooter, type ParquetColumn, type ParquetFooter } from './parquet-footer';
import { findPages, readDictionary, readPage, type ChunkPages, type ChunkPlace, type Page, type ParquetValue } from './parquet-pages';
import { ParquetDamage } from './parquet-thrift';
import { countOf, UnreadableImage, type ImageReader, type ImageSource, type StoredImage } from './source';

/** The image column of every row group; plain data. */
export interface ParquetSpec {
  readonly kind: 'parquet';
  readonly groups: readonly ImageGroup[];
}

/** @throws the system's error. */
export type OpenRanges = (path: string) => ByteRanges;

const openFile: OpenRanges = (path) => new ByteFile(path);

interface ImageGroup extends ChunkPlace {
  readonly file: string;
  /** Index of its first row among all rows. */
  readonly firstRow: number;
}

const IMAGE_COLUMNS = ['image', 'img', 'png', 'jpg', 'jpeg', 'webp', 'picture', 'photo'];
const LABEL_COLUMNS = ['label', 'labels', 'fine_label', 'cls', 'class', 'target'];
/** The smallest PNG has 67 bytes, but a dictionary may hold an image for several rows. Run lengths can make a few bytes claim billions. */
const LEAST_IMAGE_BYTES = 16;
/** Decoded pages that a reader keeps. Neighbours of an image are seldom asked for next, but a dictionary is. */
const PAGE_CACHE_BYTES = 64 * 2 ** 20;

/**
 * @param known class names of the training split, which then give the labels.
 * @param open how the bytes of a path are had.
 * @throws UserError MIM2103 damaged or unsupported; MIM2104 no image column; MIM2003 no rows; MIM2006 unknown class.
 */
export function openParquet(paths: readonly string[], known?: readonly string[], open: OpenRanges = openFile): ImageSource & { readonly readerSpec: ParquetSpec } {
  const groups: ImageGroup[] = [];
  const labels = new ParquetLabels();
  let names: readonly string[] | undefined;
  for (const path of paths) {
    withParquet(path, open, (file, footer) => {
      const rows = footer.rowGroups.reduce((sum, group) => sum + group.rows, 0);
      if (rows * LEAST_IMAGE_BYTES > file.size) throw new ParquetDamage(`it claims ${rows} rows in ${file.size} bytes`);
      if (rows === 0) return;
      const image = imageColumn(footer, path);
      const label = LABEL_COLUMNS.map((name) => footer.columns.find((column) => column.path === name)).find((column) => column !== undefined);
      names ??= label && declaredNames(footer, label.path);
      labels.beginFile(rows);
      for (const [number, group] of footer.rowGroups.entries()) {
        if (group.rows === 0) continue;
        const place = chunkPlace(footer, number, image);
        const first = groups.at(-1);
        groups.push({ ...place, file: path, firstRow: first ? first.firstRow + first.rows : 0 });
        if (label) addColumn(labels, file, chunkPlace(footer, number, label));
      }
    });
  }
  const last = groups.at(-1);
  if (!last) throw new UserError('MIM2003', `No images found in ${paths.join(', ')}: the tables are empty.`, 'Check `data.path`.');
  const length = last.firstRow + last.rows;
  const labelled = labels.name(names, known, paths);
  return new ParquetSource(paths, groups, length, labelled.classNames, labelled.labels);
}

function withParquet<T>(path: string, open: OpenRanges, use: (file: ByteRanges, footer: ParquetFooter) => T): T {
  let file: ByteRanges | undefined;
  try {
    file = open(path);
    return use(file, readParquetFooter(file));
  } catch (error) {
    if (error instanceof UserError) throw error;
    const reason = error instanceof ParquetDamage ? error.message : `it cannot be opened (${error instanceof Error ? error.message : String(error)})`;
    throw new UserError('MIM2103', `${path} cannot be read as Parquet: ${reason}.`, 'Download it again, or write it anew with snappy compression and without lists.');
  } finally {
    file?.close();
  }
}

function imageColumn(footer: ParquetFooter, path: string): ParquetColumn {
  const candidates = footer.columns.filter((column) => column.type === 'bytes' && !column.repeated);
  const found =
    candidates.find((column) => IMAGE_COLUMNS.includes(column.path.replace(/\.bytes$/, ''))) ?? candidates.find((column) => column.path.endsWith('.bytes'));
  if (found) return found;
  throw new UserError('MIM2104', `${path} has no image column; its columns are ${footer.columns.map((column) => column.path).join(', ')}.`, 'Images are looked for in a binary column, or a struct with `bytes`, called `image` or `img`.');
}

function chunkPlace(footer: ParquetFooter, group: number, column: ParquetColumn): ChunkPlace {
  const { rows, chunks } = footer.rowGroups[group]!;
  const chunk = chunks.get(column.path);
  if (!chunk) throw new ParquetDamage(`row group ${group} has no column ${column.path}`);
  return { ...chunk, type: column.type, optionalLevels: column.optionalLevels, rows };
}

/** Page by page, so that no more than one is held decoded. */
function addColumn(labels: ParquetLabels, file: ByteRanges, chunk: ChunkPlace): void {
  const { dictionary, pages } = findPages(file, chunk);
  const entries = dictionary && readDictionary(file, chunk, dictionary);
  for (const page of pages) labels.add(readPage(file, chunk, page, entries));
}

/** Class names from the `huggingface` metadata: `info.features.LABEL.names`. */
function declaredNames(footer: ParquetFooter, label: string): readonly string[] | undefined {
  try {
    const info: unknown = JSON.parse(footer.metadata.get('huggingface') ?? '{}');
    const names = ['info', 'features', label, 'names'].reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], info);
    return Array.isArray(names) && names.every((name) => typeof name === 'string') ? names : undefined;
  } catch {
    return undefined;
  }
}

class ParquetSource implements ImageSource {
  readonly readerSpec: ParquetSpec;
  constructor(
    private readonly paths: readonly string[],
    groups: readonly ImageGroup[],
    readonly length: number,
    readonly classNames: readonly string[],
    private readonly labels: Int32Array | undefined,
  ) {
    this.readerSpec = { kind: 'parquet', groups };
  }

  label(index: number): number {
    return this.labels ? this.labels[index]! : -1;
  }

  name(index: number): string {
    const group = this.readerSpec.groups[groupOf(this.readerSpec.groups, index)]!;
    return `${group.file}: row ${index - (this.readerSpec.groups.find((first) => first.file === group.file)?.firstRow ?? 0)}`;
  }

  describe(): string {
    const where = this.paths.length === 1 ? this.paths[0] : `${this.paths.length} files, ${this.paths[0]} …`;
    return `parquet ${where}: ${countOf(this.length, this.classNames)}`;
  }
}

/** The row group of a row, by bisection. */
function groupOf(groups: readonly ImageGroup[], row: number): number {
  let low = 0;
  let high = groups.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (groups[middle]!.firstRow <= row) low = middle;
    else high = middle - 1;
  }
  return low;
}

export class ParquetReader implements ImageReader {
  readonly inMemory = false;
  private readonly files = new Map<string, ByteRanges>();
  private readonly pages = new Map<number, ChunkPages>();
  /** Decoded pages and dictionaries (page −1) by `group/page`, the longest unused first. */
  private readonly decoded = new Map<string, { values: ParquetValue[]; bytes: number }>();
  private decodedBytes = 0;

  constructor(
    private readonly spec: ParquetSpec,
    private readonly open: OpenRanges = openFile,
  ) {}

  read(index: number): StoredImage {
    const number = groupOf(this.spec.groups, index);
    const group = this.spec.groups[number]!;
    try {
      const value = this.value(number, group, index - group.firstRow);
      if (value instanceof Uint8Array) return { kind: 'encoded', bytes: value };
    } catch (error) {
      if (error instanceof ParquetDamage) throw new UnreadableImage(error.message);
      throw error;
    }
    throw new UnreadableImage('the row holds no image bytes');
  }

  close(): void {
    for (const file of this.files.values()) file.close();
    this.files.clear();
  }

  private value(number: number, group: ImageGroup, row: number): ParquetValue {
    const file = this.file(group.file);
    let found = this.pages.get(number);
    if (!found) this.pages.set(number, (found = findPages(file, group)));
    const at = found.pages.findIndex((page) => row < page.firstRow + page.rows);
    const page = found.pages[at]!;
    const { dictionary } = found;
    const entries = dictionary && this.keep(`${number}/-1`, dictionary, () => readDictionary(file, group, dictionary));
    return this.keep(`${number}/${at}`, page, () => readPage(file, group, page, entries))[row - page.firstRow];
  }

  private keep(key: string, page: Page, read: () => ParquetValue[]): ParquetValue[] {
    const entry = this.decoded.get(key) ?? { values: read(), bytes: Number(page.header.get(2) ?? 0) };
    if (this.decoded.delete(key)) this.decodedBytes -= entry.bytes;
    this.decoded.set(key, entry);
    this.decodedBytes += entry.bytes;
    for (const [oldest, { bytes }] of this.decoded) {
      if (this.decodedBytes <= PAGE_CACHE_BYTES || oldest === key) break;
      this.decoded.delete(oldest);
      this.decodedBytes -= bytes;
    }
    return entry.values;
  }

  private file(path: string): ByteRanges {
    let file = this.files.get(path);
    if (!file) {
      try {
        file = this.open(path);
      } catch (error) {
        throw new UserError('MIM2203', `${path} can no longer be opened: ${error instanceof Error ? error.message : String(error)}.`, 'It was there when the run began; put it back and resume.');
      }
      this.files.set(path, file);
    }
    return file;
  }
}
