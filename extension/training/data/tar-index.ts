/**
 * Where the files of a tar archive lie, found by walking its headers.
 *
 * Only the headers are read: 512 bytes a file, so a 100-GB shard is listed in seconds. (tar-stream gives offsets too, but
 * only while every byte of the archive is streamed through it.) Names are strings and nothing more: nothing is
 * unpacked, so a name such as `../../etc/passwd` leads nowhere.
 *
 * Formats: POSIX ustar and pax (path and size records), GNU (long names, base-256 sizes), old V7.
 */
import { UserError } from '../../core/problems';
import type { ByteRanges } from './byte-file';

export interface TarEntry {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
}

const BLOCK = 512;
/** Headers are read through a window: small files lie closer together than it is long. */
const WINDOW = 256 * 1024;
/** A path or an extended header longer than this is no honest one. */
const MAX_EXTENSION = 1024 * 1024;

/**
 * The regular files of an archive, in its order.
 * @param where how messages call the archive.
 * @throws UserError MIM2101 where it is no tar, is damaged, or ends early.
 */
export function indexTar(file: ByteRanges, where: string): TarEntry[] {
  const entries: TarEntry[] = [];
  const window = new HeaderWindow(file);
  let longName: string | undefined;
  let pax: ReadonlyMap<string, string> = new Map();
  let position = 0;
  while (position + BLOCK <= file.size) {
    const header = window.at(position);
    if (isZero(header)) break;
    if (!checksumHolds(header)) {
      throw damaged(where, position === 0 ? 'it does not begin with a tar header' : `the header at byte ${position} is not one`);
    }
    const size = pax.has('size') ? decimal(pax.get('size')!) : numberField(header, 124, 12);
    if (size === undefined) throw damaged(where, `the header at byte ${position} has no valid size`);
    const offset = position + BLOCK;
    if (offset + size > file.size) {
      throw damaged(where, `the entry at byte ${position} claims ${size} bytes, but the archive ends after ${file.size - offset}`);
    }
    const type = header[156]!;
    if (type === TYPE.longName || type === TYPE.pax) {
      if (size > MAX_EXTENSION) throw damaged(where, `the extended header at byte ${position} is ${size} bytes long`);
      const body = file.read(offset, size);
      if (type === TYPE.longName) longName = text(body, 0, body.length);
      else pax = paxRecords(body);
    } else if (type !== TYPE.globalPax && type !== TYPE.longLink) {
      const name = pax.get('path') ?? longName ?? headerName(header);
      if (isRegularFile(type) && !name.endsWith('/')) entries.push({ name, offset, size });
      longName = undefined;
      pax = new Map();
    }
    position = offset + Math.ceil(size / BLOCK) * BLOCK;
  }
  return entries;
}

const code = (character: string): number => character.charCodeAt(0);
const TYPE = { longName: code('L'), longLink: code('K'), pax: code('x'), globalPax: code('g') };

function isRegularFile(type: number): boolean {
  return type === code('0') || type === 0 || type === code('7');
}

function damaged(where: string, how: string): UserError {
  return new UserError('MIM2101', `${where} cannot be read as a tar archive: ${how}.`, 'Compressed archives must be unpacked first (gunzip); a damaged one must be copied or downloaded again.');
}

class HeaderWindow {
  private start = 0;
  private bytes: Uint8Array = new Uint8Array(0);
  constructor(private readonly file: ByteRanges) {}

  at(position: number): Uint8Array {
    if (position < this.start || position + BLOCK > this.start + this.bytes.length) {
      this.start = position;
      this.bytes = this.file.read(position, WINDOW);
    }
    return this.bytes.subarray(position - this.start, position - this.start + BLOCK);
  }
}

function isZero(block: Uint8Array): boolean {
  return block.every((byte) => byte === 0);
}

/** The sum of all bytes, those of the sum itself counted as spaces. */
function checksumHolds(header: Uint8Array): boolean {
  if (header.length < BLOCK) return false;
  let sum = 8 * 32;
  for (let i = 0; i < 148; i++) sum += header[i]!;
  for (let i = 156; i < BLOCK; i++) sum += header[i]!;
  return sum === numberField(header, 148, 8);
}

/** Octal digits ended by space or NUL, or GNU's base-256 with the top bit set; undefined where it is neither, or negative. */
function numberField(header: Uint8Array, start: number, length: number): number | undefined {
  if (header[start]! & 0x80) {
    if (header[start] !== 0x80) return undefined;
    let value = 0;
    for (let i = start + 1; i < start + length; i++) value = value * 256 + header[i]!;
    return Number.isSafeInteger(value) ? value : undefined;
  }
  const digits = text(header, start, length).trim();
  return /^[0-7]*$/.test(digits) ? parseInt(digits || '0', 8) : undefined;
}

function headerName(header: Uint8Array): string {
  const name = text(header, 0, 100);
  const isPosix = text(header, 257, 6) === 'ustar';
  const prefix = isPosix ? text(header, 345, 155) : '';
  return prefix ? `${prefix}/${name}` : name;
}

/** Bytes up to the first NUL, as UTF-8. */
function text(bytes: Uint8Array, start: number, length: number): string {
  let end = start;
  while (end < start + length && end < bytes.length && bytes[end] !== 0) end++;
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8');
}

/** Records `LENGTH KEY=VALUE\n`, LENGTH counting the whole record in bytes. What does not parse ends the list. */
function paxRecords(body: Uint8Array): ReadonlyMap<string, string> {
  const records = new Map<string, string>();
  let start = 0;
  while (start < body.length) {
    const space = body.indexOf(32, start);
    const length = space < 0 ? undefined : decimal(text(body, start, space - start));
    if (!length || start + length > body.length || space - start >= length) break;
    const record = Buffer.from(body.buffer, body.byteOffset + space + 1, start + length - space - 1).toString('utf8').replace(/\n$/, '');
    const equals = record.indexOf('=');
    if (equals > 0) records.set(record.slice(0, equals), record.slice(equals + 1));
    start += length;
  }
  return records;
}

function decimal(digits: string): number | undefined {
  const value = /^\d{1,16}$/.test(digits) ? Number(digits) : undefined;
  return value !== undefined && Number.isSafeInteger(value) ? value : undefined;
}
