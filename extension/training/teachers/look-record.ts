/**
 * What a frozen teacher made of one image under one view, as bytes: the CRC-32 of the record and that of the pixels it was made of, the
 * CLS attention as float32, features as float16. A record of zeros, as a file has where nothing was written, is none: its checksum
 * does not fit. Nor does that of an image which has other pixels now.
 */
import { crc32 } from '../../core/checkpoints/crc32';
import { floatsToHalves } from '../../core/checkpoints/half';
import { elementCount } from '../../core/tensors';
import type { BatchSpecs } from '../engines/engine';

interface Field {
  readonly name: string;
  /** Numbers an image. */
  readonly count: number;
  readonly isHalf: boolean;
}

export interface LookLayout {
  /** In the order of a record. */
  readonly fields: readonly Field[];
  readonly recordBytes: number;
}

/** What was said of several images, by name, [B, …] each. */
export type Looks = Readonly<Record<string, Float32Array | Uint16Array>>;

/** The checksum of the record, then that of the pixels. */
const HEADER_BYTES = 8;
const CHECKSUM_BYTES = 4;
/** Records lie one behind the other at multiples of this. */
const ALIGNMENT = 4;

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array | Uint16Array | Uint32Array): Uint8Array => new Uint8Array(buffer, byteOffset, byteLength);

/** @param specs of one image, [1, …] each */
export function lookLayout(specs: BatchSpecs): LookLayout {
  const fields = Object.entries(specs).map(([name, { shape, dtype }]): Field => ({ name, count: elementCount(shape), isHalf: dtype === 'float16' })).sort((a, b) => Number(a.isHalf) - Number(b.isHalf));
  const bytes = fields.reduce((sum, { count, isHalf }) => sum + count * (isHalf ? 2 : 4), HEADER_BYTES);
  return { fields, recordBytes: Math.ceil(bytes / ALIGNMENT) * ALIGNMENT };
}

/** Records of several images. Each field lies as the training step reads it: that of one image behind that of the one before. */
export class LookRecords {
  readonly looks: Looks;
  /** Checksums of records that were looked at before these were read; 0: of another. */
  readonly known: Uint32Array;
  private readonly headers: Uint32Array;
  /** Of each record its bytes, in its order: views, made once. */
  private readonly pieces: readonly (readonly Uint8Array[])[];

  constructor(
    readonly layout: LookLayout,
    readonly count: number,
  ) {
    this.looks = Object.fromEntries(layout.fields.map(({ name, count: each, isHalf }) => [name, isHalf ? new Uint16Array(each * count) : new Float32Array(each * count)]));
    this.known = new Uint32Array(count);
    this.headers = new Uint32Array((HEADER_BYTES / 4) * count);
    this.pieces = Array.from({ length: count }, (_, i) => {
      const parts = [bytesOf(this.headerOf(i)), ...layout.fields.map((field) => bytesOf(this.valuesOf(i, field)))];
      const padding = layout.recordBytes - parts.reduce((sum, { byteLength }) => sum + byteLength, 0);
      return padding === 0 ? parts : [...parts, new Uint8Array(padding)];
    });
  }

  /** The bytes of one, in the order of the record, not copies. */
  parts(i: number): readonly Uint8Array[] {
    return this.pieces[i]!;
  }

  /** Makes a record that of no image. */
  clear(i: number): void {
    this.headerOf(i).fill(0);
  }

  /** @param pixels of the image, as the teacher would be given them */
  isOf(i: number, pixels: Float32Array): boolean {
    const [record, image] = this.headerOf(i);
    return record === (this.known[i] || this.checksumOf(i)) && image === crc32(bytesOf(pixels));
  }

  /** That the record says it has. */
  checksum(i: number): number {
    return this.headerOf(i)[0]!;
  }

  /**
   * @param pixels that the teacher was given
   * @param looks what it said, by name, [B, …] each, of whose image `from` it is taken
   * @returns whether every number is one that float16 can hold
   */
  put(i: number, pixels: Float32Array, looks: Readonly<Record<string, Float32Array>>, from: number): boolean {
    let fits = true;
    for (const field of this.layout.fields) {
      const values = looks[field.name]!.subarray(from * field.count, (from + 1) * field.count);
      const own = this.valuesOf(i, field);
      if (own instanceof Uint16Array) fits &&= allFinite(floatsToHalves(values, own));
      else own.set(values);
    }
    this.known[i] = 0;
    const header = this.headerOf(i);
    header[1] = crc32(bytesOf(pixels));
    header[0] = this.checksumOf(i);
    return fits;
  }

  private valuesOf(i: number, { name, count }: Field): Float32Array | Uint16Array {
    return this.looks[name]!.subarray(i * count, (i + 1) * count);
  }

  private headerOf(i: number): Uint32Array {
    return this.headers.subarray(2 * i, 2 * i + 2);
  }

  private checksumOf(i: number): number {
    const [header, ...values] = this.pieces[i] as [Uint8Array, ...Uint8Array[]];
    return values.reduce((checksum, part) => crc32(part, checksum), crc32(header.subarray(CHECKSUM_BYTES)));
  }
}

/** An exponent of ones is infinity or no number. */
function allFinite(halves: Uint16Array): boolean {
  for (const bits of halves) if ((bits & 0x7c00) === 0x7c00) return false;
  return true;
}
