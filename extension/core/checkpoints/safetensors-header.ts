/**
 * The header of a safetensors file: eight bytes of length, then JSON that names every tensor and where its bytes lie.
 *
 * Everything a hostile or damaged file could say is checked here, before a byte of a tensor is read.
 */
import { UserError } from '../problems';
import { bytesPerElement, isStoredDtype, type StoredDtype } from './dtypes';

/**
 * Largest header that is read. The format allows 100 MB, which take gigabytes once parsed; a hundred thousand tensors fit in
 * 16 MiB, and no encoder has a hundredth of them.
 */
export const MAX_HEADER_BYTES = 16 << 20;

export interface StoredTensor {
  readonly dtype: StoredDtype;
  readonly shape: readonly number[];
  /** First byte, counted from the end of the header. */
  readonly begin: number;
  /** Byte after the last. */
  readonly end: number;
}

export interface SafetensorsHeader {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly metadata: Readonly<Record<string, string>>;
  /** Position in the file of the first tensor byte. */
  readonly dataStart: number;
}

/**
 * Length of the JSON from the first eight bytes.
 * @throws UserError MIM3001 where it exceeds the file or MAX_HEADER_BYTES.
 */
export function headerLength(prefix: Uint8Array, fileBytes: number, file: string): number {
  if (prefix.byteLength < 8) throw damaged(file, `it has ${fileBytes} bytes, fewer than the 8 every safetensors file begins with`);
  const length = new DataView(prefix.buffer, prefix.byteOffset, 8).getBigUint64(0, true);
  if (length > BigInt(MAX_HEADER_BYTES)) throw damaged(file, `its header claims ${length} bytes; at most ${MAX_HEADER_BYTES} are read`);
  if (Number(length) + 8 > fileBytes) throw damaged(file, `its header claims ${length} bytes but the file has ${fileBytes}`);
  return Number(length);
}

/**
 * @param json the header's bytes, without the length before it.
 * @param bodyBytes bytes of the file after the header.
 * @throws UserError MIM3001 that names the file, and the tensor where one is at fault.
 */
export function parseSafetensorsHeader(json: Uint8Array, bodyBytes: number, file: string): SafetensorsHeader {
  const entries = parseObject(json, file);
  const metadata: Record<string, string> = {};
  const tensors = new Map<string, StoredTensor>();
  for (const [name, entry] of Object.entries(entries)) {
    if (name === '__metadata__') Object.assign(metadata, checkMetadata(entry, file));
    else tensors.set(name, checkTensor(name, entry, file));
  }
  checkCoverage(tensors, bodyBytes, file);
  return { tensors, metadata, dataStart: 8 + json.byteLength };
}

function parseObject(json: Uint8Array, file: string): object {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(json));
  } catch {
    throw damaged(file, 'its header is not JSON');
  }
  if (!isObject(value)) throw damaged(file, 'its header is not a JSON object');
  return value;
}

function checkMetadata(entry: unknown, file: string): Record<string, string> {
  if (!isObject(entry) || Object.values(entry).some((value) => typeof value !== 'string')) {
    throw damaged(file, '__metadata__ must map strings to strings');
  }
  return entry as Record<string, string>;
}

function checkTensor(name: string, entry: unknown, file: string): StoredTensor {
  const fail = (what: string): UserError => damaged(file, `tensor ${quote(name)} ${what}`);
  // The one name that plain objects treat specially; no model has it.
  if (name === '__proto__') throw fail('has a name that is not allowed');
  if (!isObject(entry) || !('dtype' in entry && 'shape' in entry && 'data_offsets' in entry)) throw fail('lacks dtype, shape or data_offsets');
  const { dtype, shape, data_offsets: offsets } = entry;
  if (!isStoredDtype(dtype)) throw fail(`has the unknown dtype ${quote(String(dtype))}`);
  if (!isSizeList(shape)) throw fail('has a shape that is not a list of sizes');
  if (!isSizeList(offsets) || offsets.length !== 2) throw fail('has data_offsets that are not two positions');
  const [begin, end] = offsets as [number, number];
  const bytes = shape.reduce((product, size) => product * size, 1) * bytesPerElement(dtype);
  if (end < begin || end - begin !== bytes) {
    throw fail(`is ${dtype} [${shape.slice(0, 8).join(', ')}], ${bytes} bytes, but its data_offsets span ${end - begin}`);
  }
  return { dtype, shape, begin, end };
}

/** The format demands that tensors cover the body exactly: no overlap, no hole, nothing beyond. */
function checkCoverage(tensors: ReadonlyMap<string, StoredTensor>, bodyBytes: number, file: string): void {
  const inOrder = [...tensors].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  let covered = 0;
  for (const [name, { begin, end }] of inOrder) {
    if (end > bodyBytes) throw damaged(file, `tensor ${quote(name)} ends at byte ${end} of ${bodyBytes}: the file is cut short`);
    if (begin < covered) throw damaged(file, `tensor ${quote(name)} overlaps the one before it`);
    if (begin > covered) throw damaged(file, `${begin - covered} bytes before tensor ${quote(name)} belong to no tensor`);
    covered = end;
  }
  if (covered !== bodyBytes) throw damaged(file, `${bodyBytes - covered} bytes at its end belong to no tensor`);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isSizeList(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && (size as number) >= 0);
}

/** Names come from the file: shown short and without control characters. */
function quote(name: string): string {
  return JSON.stringify(name.length > 120 ? `${name.slice(0, 120)}…` : name);
}

function damaged(file: string, what: string): UserError {
  return new UserError('MIM3001', `${file} is not a valid safetensors file: ${what}`, 'It may be damaged or incompletely copied; fetch or save it again.');
}
