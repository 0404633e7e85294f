/**
 * Thrift's compact protocol, as far as Parquet uses it for footers and page headers.
 *
 * Written for hostile input: integers of at most ten bytes, lists no longer than the bytes that are left, nesting of at most
 * MAX_DEPTH, MAX_VALUES in all. (hyparquet's parser bounds neither, and takes hours over a megabyte of 0xff.)
 */

export type ThriftValue = number | boolean | Uint8Array | ThriftStruct | readonly ThriftValue[];
/** Fields by id. */
export type ThriftStruct = ReadonlyMap<number, ThriftValue>;

/** What is being read is not Parquet, or damaged; the caller knows where and tells the user. */
export class ParquetDamage extends Error {
  override readonly name = 'ParquetDamage';
}

/** The bytes given end before the struct does: more of them may help. */
export class ThriftEndsEarly extends ParquetDamage {}

const MAX_DEPTH = 16;
/** A value of one byte takes a hundred in memory. The footer of ten thousand row groups has fewer. */
const MAX_VALUES = 1_000_000;
const TYPE = { stop: 0, true: 1, false: 2, byte: 3, i16: 4, i32: 5, i64: 6, double: 7, binary: 8, list: 9, set: 10, struct: 12 };

/** One struct from the start of `bytes`, and where it ends. @throws ParquetDamage */
export function readThrift(bytes: Uint8Array): { value: ThriftStruct; end: number } {
  const reader = new ThriftReader(bytes);
  const value = reader.struct(0);
  return { value, end: reader.position };
}

class ThriftReader {
  position = 0;
  private values = 0;
  constructor(private readonly bytes: Uint8Array) {}

  struct(depth: number): ThriftStruct {
    if (depth > MAX_DEPTH) throw new ParquetDamage('its header is nested too deeply');
    const fields = new Map<number, ThriftValue>();
    let id = 0;
    for (;;) {
      const head = this.byte();
      const type = head & 15;
      if (type === TYPE.stop) return fields;
      id = head >> 4 ? id + (head >> 4) : this.zigzag();
      this.countValue();
      fields.set(id, type === TYPE.true || type === TYPE.false ? type === TYPE.true : this.value(type, depth));
    }
  }

  private value(type: number, depth: number): ThriftValue {
    switch (type) {
      case TYPE.byte:
        return this.byte();
      case TYPE.i16:
      case TYPE.i32:
      case TYPE.i64:
        return this.zigzag();
      case TYPE.double:
        this.take(8);
        return 0;
      case TYPE.binary:
        return this.take(this.varint());
      case TYPE.list:
      case TYPE.set:
        return this.list(depth);
      case TYPE.struct:
        return this.struct(depth + 1);
      default:
        throw new ParquetDamage(`its header has a value of unknown type ${type}`);
    }
  }

  private list(depth: number): readonly ThriftValue[] {
    const head = this.byte();
    const type = head & 15;
    const length = head >> 4 === 15 ? this.varint() : head >> 4;
    // Every element takes a byte at least.
    if (length > this.bytes.length - this.position) throw new ThriftEndsEarly('its header ends early');
    const isFlag = type === TYPE.true || type === TYPE.false;
    const values: ThriftValue[] = [];
    for (let i = 0; i < length; i++) {
      this.countValue();
      values.push(isFlag ? this.byte() === 1 : this.value(type, depth));
    }
    return values;
  }

  private countValue(): void {
    if (++this.values > MAX_VALUES) throw new ParquetDamage(`its header holds more values than ${MAX_VALUES}`);
  }

  private byte(): number {
    if (this.position >= this.bytes.length) throw new ThriftEndsEarly('its header ends early');
    return this.bytes[this.position++]!;
  }

  private take(length: number): Uint8Array {
    if (length > this.bytes.length - this.position) throw new ThriftEndsEarly('its header ends early');
    this.position += length;
    return this.bytes.subarray(this.position - length, this.position);
  }

  /** Unsigned, at most 64 bits; beyond 2⁵³ inexact, which `count` below refuses. */
  private varint(): number {
    let value = 0;
    for (let i = 0; i < 10; i++) {
      const byte = this.byte();
      value += (byte & 127) * 2 ** (7 * i);
      if (byte < 128) return value;
    }
    throw new ParquetDamage('its header holds a number of more than 64 bits');
  }

  private zigzag(): number {
    const value = this.varint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }
}

/** A field that must be a whole number in [0, 2⁵³). @throws ParquetDamage naming `what`. */
export function count(struct: ThriftStruct, id: number, what: string): number {
  const value = struct.get(id);
  if (typeof value !== 'number' || value < 0 || !Number.isSafeInteger(value)) throw new ParquetDamage(`it has no valid ${what}`);
  return value;
}

export function optionalCount(struct: ThriftStruct, id: number, what: string): number | undefined {
  return struct.has(id) ? count(struct, id, what) : undefined;
}

export function text(struct: ThriftStruct, id: number): string | undefined {
  const value = struct.get(id);
  return value instanceof Uint8Array ? Buffer.from(value).toString('utf8') : undefined;
}

export function structAt(struct: ThriftStruct, id: number, what: string): ThriftStruct {
  const value = struct.get(id);
  if (!(value instanceof Map)) throw new ParquetDamage(`it has no ${what}`);
  return value as ThriftStruct;
}

/** A field that must be a list of structs. */
export function structs(struct: ThriftStruct, id: number, what: string): ThriftStruct[] {
  const value = struct.get(id);
  if (!Array.isArray(value) || !value.every((element) => element instanceof Map)) throw new ParquetDamage(`it has no ${what}`);
  return value as ThriftStruct[];
}
