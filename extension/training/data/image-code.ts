/**
 * Decoding and resizing in WebAssembly: what `image-code/` holds, and `media/images.wasm` is made of.
 *
 * sharp takes twice as long to decode a photograph, twenty times as long for 32×32 pixels, and resizes with coarser weights than
 * PIL. This is the decoder of both, and PIL's arithmetic to the bit.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { foldersUpward } from '../../core/files/folders-upward';
import { bicubicFilter, PIL_BICUBIC, type BicubicFilter } from '../bicubic';
import type { Box, Crop } from './crop';
import type { Pixels } from './source';

/** The exports of image-code/, numbers of which are addresses where they are not said to be else. */
interface Exports {
  readonly memory: WebAssembly.Memory;
  reserve(place: number, bytes: number): number;
  decode(bytes: number, left: number, top: number, width: number, height: number): number;
  /** Bytes. */
  decoded_row_bytes(): number;
  resample(source: number, rowBytes: number, pixelBytes: number, rows: number, filters: number): number;
  without_fourth(source: number, rowBytes: number, width: number, height: number): number;
  normalise(side: number, flip: number, table: number): number;
}

/** `enum place` of image-code/reserve.h. */
const ENCODED = 0;
const PIXELS = 1;
const FILTERS = 2;
const RESULT = 4;
const TABLE = 5;
/** PIL's `PRECISION_BITS`: weights are whole numbers of this part of 1. */
const UNIT = 2 ** 22;
/** Bits of a weight in its lower part. */
const SPLIT = 12;
const LOWER = 2 ** SPLIT - 1;
/** WebAssembly's memory never shrinks; one that a large image has made larger than this is given back. */
const LARGEST_KEPT = 2 ** 26;

let loaded: Promise<ImageCode> | undefined;

/** One for each thread. */
export function imageCode(): Promise<ImageCode> {
  loaded ??= readFile(codeFile()).then(async (bytes) => new ImageCode(await WebAssembly.compile(bytes)));
  return loaded;
}

/** Seen from the sources and from the bundles, which lie one folder or two below the root. */
function codeFile(): string {
  const here = path.dirname(fileURLToPath(import.meta.url));
  for (const folder of foldersUpward(here)) {
    const file = path.join(folder, 'media', 'images.wasm');
    if (existsSync(file)) return file;
  }
  throw new Error(`media/images.wasm is not in any folder above ${here}; the installation is not whole.`);
}

/** The decoder does not take a file; it has a code of libjpeg's or of `image-code/reserve.h`. */
class Refusal extends Error {
  override readonly name = 'Refusal';
}

export class ImageCode {
  private instance: Exports | undefined;

  constructor(private readonly code: WebAssembly.Module) {}

  /** RGB bytes of a JPEG's `box`. Undefined where the file is damaged or cut off, as far as the box needs it, or of a kind that libjpeg does not turn into RGB. */
  decode(file: Uint8Array, box: Box): Uint8Array | undefined {
    return this.decoded(file, box, (code, at) => bytesAt(code, code.without_fourth(at, code.decoded_row_bytes(), box.width, box.height), box.width * box.height * 3));
  }

  /** The same of a crop, resized: [window, window, 3]. */
  decodeCrop(file: Uint8Array, crop: Crop): Uint8Array | undefined {
    return this.decoded(file, crop.box, (code, at) => resample(code, at, code.decoded_row_bytes(), 4, crop));
  }

  /** RGB bytes of the crop, [window, window, 3], not mirrored. */
  resize({ width, rgb }: Pixels, crop: Crop): Uint8Array {
    const { left, top, height } = crop.box;
    return this.run((code) => {
      const rowBytes = width * 3;
      const at = code.reserve(PIXELS, rowBytes * height);
      copy(rgb.subarray(rowBytes * top, rowBytes * (top + height)), code, at);
      return resample(code, at + left * 3, rowBytes, 3, crop);
    });
  }

  /** Writes RGB bytes [side, side, 3] as what `table` has for them, [3, side, side], at `offset`, mirrored if `flip`. */
  normalise(rgb: Uint8Array, side: number, flip: boolean, table: Float32Array, target: Float32Array, offset: number): void {
    this.run((code) => {
      copy(rgb, code, code.reserve(RESULT, rgb.length));
      const tableAt = code.reserve(TABLE, table.byteLength);
      copy(new Uint8Array(table.buffer, table.byteOffset, table.byteLength), code, tableAt);
      const planes = code.normalise(side, flip ? 1 : 0, tableAt);
      target.set(new Float32Array(code.memory.buffer, planes, 3 * side * side), offset);
    });
  }

  private decoded(file: Uint8Array, { left, top, width, height }: Box, then: (code: Exports, at: number) => Uint8Array): Uint8Array | undefined {
    try {
      return this.run((code) => {
        const at = code.reserve(ENCODED, file.length);
        copy(file, code, at);
        return then(code, code.decode(file.length, left, top, width, height));
      });
    } catch (error) {
      // A decoder that reads where it must not is stopped; what led it there is no image.
      if (error instanceof Refusal || error instanceof WebAssembly.RuntimeError) return undefined;
      throw error;
    }
  }

  /** What a refusal leaves in memory is not to be used again. */
  private run<Result>(work: (code: Exports) => Result): Result {
    const code = this.instance ?? instantiate(this.code);
    this.instance = undefined;
    const result = work(code);
    if (code.memory.buffer.byteLength <= LARGEST_KEPT) this.instance = code;
    return result;
  }
}

function instantiate(code: WebAssembly.Module): Exports {
  const refuse = (reason: number): never => {
    throw new Refusal(`The image code ends with ${reason}.`);
  };
  return new WebAssembly.Instance(code, { host: { refuse } }).exports as unknown as Exports;
}

function resample(code: Exports, source: number, rowBytes: number, pixelBytes: number, { box, side, window }: Crop): Uint8Array {
  const start = Math.floor((side - window) / 2);
  const columns = bicubicFilter(box.width, side, PIL_BICUBIC, start, window);
  const rows = bicubicFilter(box.height, side, PIL_BICUBIC, start, window);
  const filters = code.reserve(FILTERS, (intsOf(columns) + intsOf(rows)) * 4);
  const ints = new Int32Array(code.memory.buffer, filters);
  writeFilter(columns, ints);
  writeFilter(rows, ints.subarray(intsOf(columns)));
  return bytesAt(code, code.resample(source, rowBytes, pixelBytes, box.height, filters), window * window * 3);
}

/** Pairs of weights that each output has room for. */
function pairsOf({ taps }: BicubicFilter): number {
  return Math.ceil(taps / 2);
}

function intsOf(filter: BicubicFilter): number {
  return 2 + filter.length * (2 + 2 * pairsOf(filter));
}

/** As `filter_at` of image-code/resample.c reads it. */
function writeFilter(filter: BicubicFilter, target: Int32Array): void {
  const { length, taps, first, count, weights } = filter;
  const pairs = pairsOf(filter);
  target[0] = length;
  target[1] = pairs;
  target.set(first, 2);
  for (let out = 0; out < length; out++) {
    const used = (count[out]! + 1) >> 1;
    target[2 + length + out] = used;
    for (let k = 0; k < used; k++) {
      const at = out * taps + 2 * k;
      const a = whole(weights[at]!);
      const b = 2 * k + 1 < count[out]! ? whole(weights[at + 1]!) : 0;
      const place = 2 + 2 * length + 2 * (out * pairs + k);
      target[place] = ((a >> SPLIT) & 0xffff) | ((b >> SPLIT) << 16);
      target[place + 1] = (a & LOWER) | ((b & LOWER) << 16);
    }
  }
}

/** Rounded as PIL does, half away from zero. */
function whole(weight: number): number {
  return Math.trunc(weight * UNIT + (weight < 0 ? -0.5 : 0.5));
}

function copy(bytes: Uint8Array, code: Exports, at: number): void {
  new Uint8Array(code.memory.buffer).set(bytes, at);
}

function bytesAt(code: Exports, at: number, length: number): Uint8Array {
  return new Uint8Array(code.memory.buffer, at, length).slice();
}
