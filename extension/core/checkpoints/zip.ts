/**
 * A reader of zip archives for weight files: stored and deflated entries, zip64, nothing written anywhere.
 *
 * The central directory is the only truth; names are keys and never paths.
 */
import { promisify } from 'node:util';
import { inflateRaw } from 'node:zlib';
import type { ByteSource } from '../files/byte-source';
import { UserError } from '../problems';
import { crc32 } from './crc32';

export interface ZipEntry {
  readonly name: string;
  readonly deflated: boolean;
  readonly compressedBytes: number;
  readonly bytes: number;
  /** 0 where the writer did not compute it. */
  readonly crc: number;
  readonly headerOffset: number;
}

export interface ZipArchive {
  readonly file: string;
  readonly source: ByteSource;
  readonly entries: ReadonlyMap<string, ZipEntry>;
  /** The deflated entry unpacked last: ranges of one tend to be read one after another. */
  unpacked?: { readonly entry: ZipEntry; readonly bytes: Promise<Uint8Array> };
}

const END_SIGNATURE = 0x06054b50;
const END_BYTES = 22;
const LOCATOR_SIGNATURE = 0x07064b50;
const LOCATOR_BYTES = 20;
const END64_SIGNATURE = 0x06064b50;
const END64_BYTES = 56;
const CENTRAL_SIGNATURE = 0x02014b50;
const CENTRAL_BYTES = 46;
const LOCAL_SIGNATURE = 0x04034b50;
const LOCAL_BYTES = 30;
const MAX_COMMENT = 0xffff;
const MAX_DIRECTORY_BYTES = 64 << 20;
/** Weights hardly compress; an archive whose deflated entries claim to grow by more is made to fill memory. */
const MAX_EXPANSION = 4;
/** Beside that, for descriptions, which compress well. */
const SPARE_BYTES = 1 << 20;
/** All that is deflated; PyTorch itself deflates nothing. */
const MAX_EXPANDED_BYTES = 8 * 2 ** 30;

/** @throws UserError MIM3007 where the archive is damaged or made to exhaust memory. */
export async function openZip(source: ByteSource, file: string): Promise<ZipArchive> {
  const { size } = source;
  const directory = await findDirectory(source, file);
  if (directory.bytes > MAX_DIRECTORY_BYTES) throw damaged(file, 'its directory is too large');
  const bytes = await readOrFail(source, directory.offset, directory.bytes, file);
  const entries = parseDirectory(bytes, directory.count, size, file);
  refuseBombs(entries, size, file);
  return { file, source, entries };
}

interface Directory {
  readonly offset: number;
  readonly bytes: number;
  readonly count: number;
}

/** The end record is the last thing in the file but for a comment. */
async function findDirectory(source: ByteSource, file: string): Promise<Directory> {
  const { size } = source;
  const tailBytes = Math.min(size, END_BYTES + MAX_COMMENT + LOCATOR_BYTES);
  const tail = view(await readOrFail(source, size - tailBytes, tailBytes, file));
  for (let at = tailBytes - END_BYTES; at >= 0; at--) {
    if (tail.getUint32(at, true) !== END_SIGNATURE || at + END_BYTES + tail.getUint16(at + 20, true) !== tailBytes) continue;
    const locator = at - LOCATOR_BYTES;
    if (locator >= 0 && tail.getUint32(locator, true) === LOCATOR_SIGNATURE) return readEnd64(source, safeUint64(tail, locator + 8), file);
    return checkDirectory({ count: tail.getUint16(at + 10, true), bytes: tail.getUint32(at + 12, true), offset: tail.getUint32(at + 16, true) }, size, file);
  }
  throw damaged(file, 'it has no zip directory at its end; it is cut short');
}

async function readEnd64(source: ByteSource, offset: number, file: string): Promise<Directory> {
  const { size } = source;
  if (offset + END64_BYTES > size) throw damaged(file, 'its zip64 directory lies outside the file');
  const end = view(await readOrFail(source, offset, END64_BYTES, file));
  if (end.getUint32(0, true) !== END64_SIGNATURE) throw damaged(file, 'its zip64 directory is not where it says');
  return checkDirectory({ count: safeUint64(end, 32), bytes: safeUint64(end, 40), offset: safeUint64(end, 48) }, size, file);
}

function checkDirectory(directory: Directory, size: number, file: string): Directory {
  if (directory.offset + directory.bytes > size) throw damaged(file, 'its zip directory lies outside the file');
  if (directory.count * CENTRAL_BYTES > directory.bytes) throw damaged(file, 'its zip directory is shorter than its count of entries');
  return directory;
}

function parseDirectory(bytes: Uint8Array, count: number, size: number, file: string): Map<string, ZipEntry> {
  const entries = new Map<string, ZipEntry>();
  const record = view(bytes);
  let at = 0;
  for (let index = 0; index < count; index++) {
    if (at + CENTRAL_BYTES > bytes.byteLength || record.getUint32(at, true) !== CENTRAL_SIGNATURE) throw damaged(file, 'its zip directory is broken');
    const nameEnd = at + CENTRAL_BYTES + record.getUint16(at + 28, true);
    const extraEnd = nameEnd + record.getUint16(at + 30, true);
    const next = extraEnd + record.getUint16(at + 32, true);
    if (next > bytes.byteLength) throw damaged(file, 'its zip directory is broken');
    const name = new TextDecoder().decode(bytes.subarray(at + CENTRAL_BYTES, nameEnd));
    if (entries.has(name)) throw damaged(file, `it has two entries ${JSON.stringify(name.slice(0, 120))}`);
    entries.set(name, parseEntry(name, record, at, view(bytes.subarray(nameEnd, extraEnd)), size, file));
    at = next;
  }
  return entries;
}

function parseEntry(name: string, record: DataView, at: number, extra: DataView, size: number, file: string): ZipEntry {
  const fail = (what: string): UserError => damaged(file, `entry ${JSON.stringify(name.slice(0, 120))} ${what}`);
  if (record.getUint16(at + 8, true) & 1) throw fail('is encrypted');
  const method = record.getUint16(at + 10, true);
  if (method !== 0 && method !== 8) throw fail(`is compressed by method ${method}; stored and deflated entries are read`);
  const short = { bytes: record.getUint32(at + 24, true), compressedBytes: record.getUint32(at + 20, true), headerOffset: record.getUint32(at + 42, true) };
  const sizes = widen(short, extra);
  if (sizes === undefined) throw fail('lacks its 64-bit sizes');
  if (sizes.headerOffset + LOCAL_BYTES + sizes.compressedBytes > size) throw fail('lies outside the file');
  if (method === 0 && sizes.bytes !== sizes.compressedBytes) throw fail('is stored with two sizes');
  return { name, deflated: method === 8, crc: record.getUint32(at + 16, true), ...sizes };
}

interface Sizes {
  readonly bytes: number;
  readonly compressedBytes: number;
  readonly headerOffset: number;
}

/** Zip64: what does not fit in 32 bits is all ones there, and in full, in this order, in extra field 1. */
function widen(short: Sizes, extra: DataView): Sizes | undefined {
  const full = 0xffffffff;
  const names = (['bytes', 'compressedBytes', 'headerOffset'] as const).filter((name) => short[name] === full);
  if (names.length === 0) return short;
  for (let at = 0; at + 4 <= extra.byteLength; at += 4 + extra.getUint16(at + 2, true)) {
    const end = at + 4 + extra.getUint16(at + 2, true);
    if (extra.getUint16(at, true) !== 1 || end > extra.byteLength || end - at - 4 < 8 * names.length) continue;
    return { ...short, ...Object.fromEntries(names.map((name, index) => [name, safeUint64(extra, at + 4 + 8 * index)])) };
  }
  return undefined;
}

function refuseBombs(entries: ReadonlyMap<string, ZipEntry>, size: number, file: string): void {
  let expanded = 0;
  let compressed = 0;
  for (const entry of entries.values()) {
    compressed += entry.compressedBytes;
    if (entry.deflated) expanded += entry.bytes;
  }
  if (compressed > size) throw damaged(file, 'its entries overlap');
  if (expanded > Math.min(MAX_EXPANSION * size + SPARE_BYTES, MAX_EXPANDED_BYTES)) throw damaged(file, `its ${size} bytes claim to expand to ${expanded}`);
}

/**
 * All bytes of an entry.
 * @throws UserError MIM3007 where they are not what the directory says.
 */
export async function readZipEntry({ source, file }: ZipArchive, entry: ZipEntry): Promise<Uint8Array> {
  const stored = await readOrFail(source, await dataOffset(source, entry, file), entry.compressedBytes, file);
  const bytes = entry.deflated ? await inflate(stored, entry, file) : stored;
  if (entry.crc !== 0 && crc32(bytes) !== entry.crc) throw damaged(file, `the checksum of ${entry.name} is wrong`);
  return bytes;
}

/** `length` bytes of an entry from `start` on. Stored entries are read in place. */
export async function readZipRange(archive: ZipArchive, entry: ZipEntry, start: number, length: number): Promise<Uint8Array> {
  if (start + length > entry.bytes) throw damaged(archive.file, `${entry.name} is shorter than what is said to be in it`);
  // Copied: tensors that share bytes here are each their reader's to change.
  if (entry.deflated) return new Uint8Array((await unpackOnce(archive, entry)).subarray(start, start + length));
  if (start === 0 && length === entry.bytes) return readZipEntry(archive, entry);
  return readOrFail(archive.source, (await dataOffset(archive.source, entry, archive.file)) + start, length, archive.file);
}

function unpackOnce(archive: ZipArchive, entry: ZipEntry): Promise<Uint8Array> {
  if (archive.unpacked?.entry !== entry) archive.unpacked = { entry, bytes: readZipEntry(archive, entry) };
  return archive.unpacked.bytes;
}

/** The local header before the data repeats the name and may be padded, so that weights are aligned. */
async function dataOffset(source: ByteSource, entry: ZipEntry, file: string): Promise<number> {
  const header = view(await readOrFail(source, entry.headerOffset, LOCAL_BYTES, file));
  if (header.getUint32(0, true) !== LOCAL_SIGNATURE) throw damaged(file, `${entry.name} is not where the directory says`);
  return entry.headerOffset + LOCAL_BYTES + header.getUint16(26, true) + header.getUint16(28, true);
}

async function inflate(stored: Uint8Array, entry: ZipEntry, file: string): Promise<Uint8Array> {
  try {
    const bytes = await promisify(inflateRaw)(stored, { maxOutputLength: Math.max(1, entry.bytes) });
    if (bytes.byteLength === entry.bytes) return bytes;
  } catch {
    // Broken data and data larger than declared are the same to the user.
  }
  throw damaged(file, `${entry.name} does not expand to the ${entry.bytes} bytes it claims`);
}

async function readOrFail(source: ByteSource, position: number, length: number, file: string): Promise<Uint8Array> {
  const bytes = await source.read(position, length);
  if (bytes === undefined) throw damaged(file, 'it is cut short');
  return bytes;
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Sizes beyond 2⁵³ become ones that no file has. */
function safeUint64(data: DataView, at: number): number {
  return Number(data.getBigUint64(at, true));
}

function damaged(file: string, what: string): UserError {
  return new UserError('MIM3007', `${file} is not a valid PyTorch archive: ${what}`, 'It may be damaged or incompletely copied; fetch or save it again.');
}
