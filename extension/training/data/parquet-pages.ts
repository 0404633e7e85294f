/**
 * The pages of one column chunk, found by walking their headers and decoded one at a time.
 *
 * hyparquet decodes whole column chunks: one image would cost a row group, typically a hundred. It also trusts the run
 * lengths inside a page, so that one damaged byte makes it fill gigabytes. Here one image costs one page, and no length is
 * believed before it is compared with what is there.
 *
 * Encodings: PLAIN and dictionary (what pyarrow, and so Hugging Face, writes for such columns).
 */
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { snappyUncompress } from 'hyparquet';
import { decompressZstd } from 'hyparquet-compressors';
import type { ByteRanges } from './byte-file';
import type { ColumnChunk, PhysicalType } from './parquet-footer';
import { count, optionalCount, ParquetDamage, readThrift, structAt, ThriftEndsEarly, type ThriftStruct } from './parquet-thrift';

export type ParquetValue = Uint8Array | number | undefined;

/** What is needed to read a column chunk; plain data. */
export interface ChunkPlace extends ColumnChunk {
  readonly type: PhysicalType;
  readonly optionalLevels: number;
  readonly rows: number;
}

export interface Page {
  readonly header: ThriftStruct;
  /** Where its body lies in the file, and how long it is there. */
  readonly start: number;
  readonly size: number;
  /** Its first row within the row group. */
  readonly firstRow: number;
  readonly rows: number;
}

export interface ChunkPages {
  readonly dictionary?: Page;
  readonly pages: readonly Page[];
}

const PAGE = { data: 0, index: 1, dictionary: 2, dataV2: 3 };
const ENCODING = { plain: 0, plainDictionary: 2, rleDictionary: 8 };
const CODEC = { none: 0, snappy: 1, gzip: 2, brotli: 4, zstd: 6 };
/** Pages are about a megabyte; a dictionary or a single huge image may be more. */
const MAX_PAGE = 256 * 2 ** 20;
const SPARE_PAGES = 16;
/** Page headers may carry whole values as statistics. */
const HEADER_WINDOW = 4096;

/** Reads the page headers of a chunk. @throws ParquetDamage */
export function findPages(file: ByteRanges, chunk: ChunkPlace): ChunkPages {
  const end = chunk.start + chunk.size;
  const pages: Page[] = [];
  let dictionary: Page | undefined;
  let position = chunk.start;
  let row = 0;
  let walked = 0;
  while (position < end && row < chunk.rows) {
    // A page holds a row at least, but for a dictionary, an index, and what some writer may leave empty.
    if (++walked > chunk.rows + SPARE_PAGES) throw new ParquetDamage('a column of it has more pages than rows');
    const { value: header, end: length } = readHeader(file, position, end);
    const type = count(header, 1, 'page type');
    const start = position + length;
    const size = count(header, 3, 'page size');
    if (start + size > end) throw new ParquetDamage(`the page at byte ${position} reaches beyond its column`);
    if (type === PAGE.dictionary) dictionary = { header, start, size, firstRow: 0, rows: 0 };
    if (type === PAGE.data || type === PAGE.dataV2) {
      const rows = count(structAt(header, type === PAGE.data ? 5 : 8, 'page header'), 1, 'number of values');
      if (row + rows > chunk.rows) throw new ParquetDamage(`a column holds more values than the ${chunk.rows} rows announced`);
      pages.push({ header, start, size, firstRow: row, rows });
      row += rows;
    }
    position = start + size;
  }
  if (row !== chunk.rows) throw new ParquetDamage(`a column holds ${row} values where ${chunk.rows} rows are announced`);
  return { dictionary, pages };
}

function readHeader(file: ByteRanges, position: number, end: number): { value: ThriftStruct; end: number } {
  for (let window = HEADER_WINDOW; ; window *= 8) {
    try {
      return readThrift(file.read(position, Math.min(window, end - position)));
    } catch (error) {
      if (!(error instanceof ThriftEndsEarly) || window >= end - position || window > MAX_PAGE) throw error;
    }
  }
}

/** The values of a dictionary page. */
export function readDictionary(file: ByteRanges, chunk: ChunkPlace, page: Page): ParquetValue[] {
  const header = structAt(page.header, 7, 'dictionary header');
  const body = decompress(file.read(page.start, page.size), uncompressedSize(page), chunk.codec);
  return plainValues(body, chunk.type, count(header, 1, 'number of values'));
}

/** The values of a data page, a missing one as undefined. */
export function readPage(file: ByteRanges, chunk: ChunkPlace, page: Page, dictionary: readonly ParquetValue[] | undefined): ParquetValue[] {
  const isV2 = count(page.header, 1, 'page type') === PAGE.dataV2;
  const header = structAt(page.header, isV2 ? 8 : 5, 'page header');
  const { levels, values } = isV2 ? splitV2(file, chunk, page, header) : splitV1(file, chunk, page);
  const present = levels ? levels.reduce((sum, level) => sum + (level === chunk.optionalLevels ? 1 : 0), 0) : page.rows;
  const stored = decodeValues(values, count(header, isV2 ? 4 : 2, 'encoding'), chunk.type, present, dictionary);
  if (!levels) return stored;
  let next = 0;
  return Array.from(levels, (level) => (level === chunk.optionalLevels ? stored[next++] : undefined));
}

interface SplitPage {
  /** Definition level of each row; none where no value can be missing. */
  readonly levels?: Uint8Array;
  readonly values: Uint8Array;
}

/** Version 1: levels and values compressed together, the levels led by their length. */
function splitV1(file: ByteRanges, chunk: ChunkPlace, page: Page): SplitPage {
  const body = decompress(file.read(page.start, page.size), uncompressedSize(page), chunk.codec);
  if (chunk.optionalLevels === 0) return { values: body };
  if (body.length < 4) throw new ParquetDamage('a page of it ends early');
  const length = new DataView(body.buffer, body.byteOffset).getUint32(0, true);
  if (length > body.length - 4) throw new ParquetDamage('the levels of a page reach beyond it');
  return { levels: definitionLevels(body.subarray(4, 4 + length), chunk, page), values: body.subarray(4 + length) };
}

/** Version 2: levels uncompressed before the values. */
function splitV2(file: ByteRanges, chunk: ChunkPlace, page: Page, header: ThriftStruct): SplitPage {
  const body = file.read(page.start, page.size);
  const levelBytes = count(header, 5, 'levels’ length');
  const skip = count(header, 6, 'levels’ length');
  if (skip + levelBytes > body.length) throw new ParquetDamage('the levels of a page reach beyond it');
  const levels = chunk.optionalLevels > 0 ? definitionLevels(body.subarray(skip, skip + levelBytes), chunk, page) : undefined;
  const values = body.subarray(skip + levelBytes);
  if (header.get(7) === false) return { levels, values };
  const size = uncompressedSize(page) - skip - levelBytes;
  if (size < 0) throw new ParquetDamage('a page of it has no valid size');
  return { levels, values: size === 0 ? new Uint8Array(0) : decompress(values, size, chunk.codec) };
}

function definitionLevels(bytes: Uint8Array, chunk: ChunkPlace, page: Page): Uint8Array {
  return Uint8Array.from(readRuns(bytes, 32 - Math.clz32(chunk.optionalLevels), page.rows, chunk.rows));
}

function decodeValues(bytes: Uint8Array, encoding: number, type: PhysicalType, length: number, dictionary: readonly ParquetValue[] | undefined): ParquetValue[] {
  if (encoding === ENCODING.plain) return plainValues(bytes, type, length);
  if (encoding !== ENCODING.plainDictionary && encoding !== ENCODING.rleDictionary) throw new ParquetDamage(`it uses encoding ${encoding}, which is not supported here`);
  if (!dictionary) throw new ParquetDamage('it refers to a dictionary that is not there');
  if (length === 0) return [];
  if (bytes.length === 0 || bytes[0]! > 32) throw new ParquetDamage('a page of it has no valid bit width');
  return Array.from(readRuns(bytes.subarray(1), bytes[0]!, length, length), (index) => {
    if (index >= dictionary.length) throw new ParquetDamage('it refers beyond its dictionary');
    return dictionary[index];
  });
}

/**
 * Parquet's hybrid of run lengths and bit packing: `length` values of `width` bits each.
 * @param most bound for `length`, so that a damaged header allocates nothing large.
 */
function readRuns(bytes: Uint8Array, width: number, length: number, most: number): Uint32Array {
  if (length > most) throw new ParquetDamage('a page of it holds more values than its row group');
  const values = new Uint32Array(length);
  let position = 0;
  let filled = 0;
  const byte = (): number => {
    if (position >= bytes.length) throw new ParquetDamage('the runs of a page end early');
    return bytes[position++]!;
  };
  while (filled < length) {
    let head = 0;
    for (let shift = 0, more = true; more; shift += 7) {
      if (shift > 28) throw new ParquetDamage('a run of it is too long');
      const next = byte();
      head += (next & 127) * 2 ** shift;
      more = next >= 128;
    }
    if (head % 2 === 0) {
      let value = 0;
      for (let shift = 0; shift < width; shift += 8) value += byte() * 2 ** shift;
      const run = Math.min(head / 2, length - filled);
      values.fill(value, filled, filled + run);
      filled += run;
      continue;
    }
    const run = Math.min(((head - 1) / 2) * 8, length - filled);
    let bits = 0;
    let held = 0;
    const packedEnd = position + Math.ceil((((head - 1) / 2) * 8 * width) / 8);
    for (let i = 0; i < run; i++) {
      while (held < width) {
        bits += byte() * 2 ** held;
        held += 8;
      }
      values[filled++] = bits % 2 ** width;
      bits = Math.floor(bits / 2 ** width);
      held -= width;
    }
    position = Math.max(position, packedEnd);
  }
  return values;
}

function plainValues(bytes: Uint8Array, type: PhysicalType, length: number): ParquetValue[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const width = type === 'int32' ? 4 : type === 'int64' ? 8 : type === 'bytes' ? 4 : 0;
  if (width === 0) throw new ParquetDamage(`a column of type ${type} cannot hold images or labels`);
  if (length * width > bytes.length) throw new ParquetDamage('a page of it ends early');
  if (type === 'int32') return Array.from({ length }, (_, i) => view.getInt32(4 * i, true));
  if (type === 'int64') return Array.from({ length }, (_, i) => Number(view.getBigInt64(8 * i, true)));
  let position = 0;
  return Array.from({ length }, () => {
    if (position + 4 > bytes.length) throw new ParquetDamage('a page of it ends early');
    const size = view.getUint32(position, true);
    if (size > bytes.length - position - 4) throw new ParquetDamage('a value of it reaches beyond its page');
    position += 4 + size;
    return bytes.subarray(position - size, position);
  });
}

function uncompressedSize(page: Page): number {
  const size = optionalCount(page.header, 2, 'page size') ?? 0;
  if (size > MAX_PAGE) throw new ParquetDamage(`a page of it claims ${size} bytes`);
  return size;
}

/** @throws ParquetDamage also where the size is another than announced: nothing is allocated beyond that. */
function decompress(bytes: Uint8Array, size: number, codec: number): Uint8Array {
  let result: Uint8Array;
  try {
    result = decompressWith(bytes, size, codec);
  } catch (error) {
    if (error instanceof ParquetDamage) throw error;
    throw new ParquetDamage(`a page of it cannot be decompressed (${error instanceof Error ? error.message : String(error)})`);
  }
  if (result.length !== size) throw new ParquetDamage('a page of it has another size than announced');
  return result;
}

function decompressWith(bytes: Uint8Array, size: number, codec: number): Uint8Array {
  switch (codec) {
    case CODEC.none:
      return bytes;
    case CODEC.snappy: {
      const result = new Uint8Array(size);
      snappyUncompress(bytes, result);
      return result;
    }
    case CODEC.gzip:
      return gunzipSync(bytes, { maxOutputLength: Math.max(1, size) });
    case CODEC.brotli:
      return brotliDecompressSync(bytes, { maxOutputLength: Math.max(1, size) });
    case CODEC.zstd:
      return decompressZstd(bytes, new Uint8Array(size));
    default:
      throw new ParquetDamage(`it is compressed in a way (${codec}) that is not supported here: snappy, gzip, brotli and zstd are`);
  }
}
