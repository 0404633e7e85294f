/**
 * What a frozen teacher made of one image under one view, as bytes: the CRC-32 of the record and that of the pixels it was made of, the
 * CLS attention as float32, features as float16. A record of zeros, as a file has where nothing was written, is none: its checksum
 * does not fit. Nor does that of an image which has other pixels now.
 */
import { crc32 } from '../../core/checkpoints/crc32';
import { floatsToHalves, halvesToFloats } from '../../core/checkpoints/half';
import { elementCount, type NamedSpecs } from '../../core/tensors';

interface Field {
  readonly name: string;
  /** Numbers an image. */
  readonly count: number;
  readonly isHalf: boolean;
  /** Byte in the record where it begins. */
  readonly start: number;
}

export interface LookLayout {
  readonly fields: readonly Field[];
  readonly recordBytes: number;
}

const CHECKSUM_BYTES = 4;
/** Of the record, then of the pixels. */
const HEADER_BYTES = 2 * CHECKSUM_BYTES;

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array => new Uint8Array(buffer, byteOffset, byteLength);

/**
 * @param specs of one image, [1, …] each
 * @param exact names of those kept as float32, which come first
 */
export function lookLayout(specs: NamedSpecs, exact: readonly string[]): LookLayout {
  const names = Object.keys(specs);
  const inOrder = [...names.filter((name) => exact.includes(name)), ...names.filter((name) => !exact.includes(name))];
  let start = HEADER_BYTES;
  const fields = inOrder.map((name): Field => {
    const field = { name, count: elementCount(specs[name]!.shape), isHalf: !exact.includes(name), start };
    start += field.count * (field.isHalf ? 2 : 4);
    return field;
  });
  // Records lie one behind the other, and float32 wants multiples of four.
  return { fields, recordBytes: Math.ceil(start / 4) * 4 };
}

/** Records of several images, one behind the other. */
export class LookRecords {
  readonly bytes: Uint8Array<ArrayBuffer>;

  constructor(
    readonly layout: LookLayout,
    readonly count: number,
  ) {
    this.bytes = new Uint8Array(layout.recordBytes * count);
  }

  /** The bytes of one, not a copy. */
  at(i: number): Uint8Array {
    const { recordBytes } = this.layout;
    return this.bytes.subarray(i * recordBytes, (i + 1) * recordBytes);
  }

  /** @param pixels of the image, as the teacher would be given them */
  isOf(i: number, pixels: Float32Array): boolean {
    const [record, image] = this.headerAt(i);
    return record === this.checksumOf(i) && image === crc32(bytesOf(pixels));
  }

  /**
   * @param pixels that the teacher was given
   * @param looks by name, [B, …], from whose image `from` it is taken
   * @returns whether every number is one that float16 can hold
   */
  put(i: number, pixels: Float32Array, looks: Readonly<Record<string, Float32Array>>, from: number): boolean {
    let fits = true;
    for (const field of this.layout.fields) {
      const values = looks[field.name]!.subarray(from * field.count, (from + 1) * field.count);
      if (field.isHalf) fits &&= allFinite(floatsToHalves(values, this.halvesAt(i, field)));
      else this.floatsAt(i, field).set(values);
    }
    const header = this.headerAt(i);
    header[1] = crc32(bytesOf(pixels));
    header[0] = this.checksumOf(i);
    return fits;
  }

  /** By name, [count, …] each. */
  floats(): Record<string, Float32Array> {
    return Object.fromEntries(
      this.layout.fields.map((field) => {
        const values = new Float32Array(field.count * this.count);
        for (let i = 0; i < this.count; i++) {
          const place = values.subarray(i * field.count, (i + 1) * field.count);
          if (field.isHalf) halvesToFloats(this.halvesAt(i, field), place);
          else place.set(this.floatsAt(i, field));
        }
        return [field.name, values];
      }),
    );
  }

  private halvesAt(i: number, { start, count }: Field): Uint16Array<ArrayBuffer> {
    return new Uint16Array(this.bytes.buffer, i * this.layout.recordBytes + start, count);
  }

  private floatsAt(i: number, { start, count }: Field): Float32Array {
    return new Float32Array(this.bytes.buffer, i * this.layout.recordBytes + start, count);
  }

  private headerAt(i: number): Uint32Array {
    return new Uint32Array(this.bytes.buffer, i * this.layout.recordBytes, 2);
  }

  private checksumOf(i: number): number {
    return crc32(this.at(i).subarray(CHECKSUM_BYTES));
  }
}

/** An exponent of ones is infinity or no number. */
function allFinite(halves: Uint16Array): boolean {
  for (const bits of halves) if ((bits & 0x7c00) === 0x7c00) return false;
  return true;
}
