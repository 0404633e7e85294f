/**
 * A reader of TensorBoard event files that shares nothing with the product: fields by their numbers in
 * tensorflow/core/util/event.proto, checksums bit by bit.
 */
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

export interface ReadEvents {
  readonly files: readonly string[];
  readonly version: string | undefined;
  /** Steps at which a session starts. */
  readonly starts: readonly number[];
  /** For each tag its points, in the order of the file. */
  readonly scalars: Readonly<Record<string, readonly (readonly [step: number, value: number])[]>>;
  readonly wallTimes: readonly number[];
  /** Bytes behind the last whole frame. */
  readonly torn: number;
}

/** @throws Error where a checksum does not fit. */
export async function readEvents(folder: string): Promise<ReadEvents> {
  const files = (await readdir(folder)).filter((name) => name.includes('tfevents')).sort();
  const scalars: Record<string, [number, number][]> = {};
  const starts: number[] = [];
  const wallTimes: number[] = [];
  let version: string | undefined;
  let torn = 0;
  for (const name of files) {
    const bytes = await readFile(path.join(folder, name));
    let at = 0;
    for (let message = frameAt(bytes, at); message !== undefined; message = frameAt(bytes, at)) {
      at += message.byteLength + 16;
      const event = fields(message);
      const step = Number(event.get(2)?.[0] ?? 0n);
      if (event.has(1)) wallTimes.push((event.get(1)![0] as Buffer).readDoubleLE());
      if (event.has(3)) version = String(event.get(3)![0]);
      if (event.has(7) && fields(event.get(7)![0] as Buffer).get(1)?.[0] === 1n) starts.push(step);
      for (const value of event.has(5) ? (fields(event.get(5)![0] as Buffer).get(1) ?? []) : []) {
        const entry = fields(value as Buffer);
        (scalars[String(entry.get(1)![0])] ??= []).push([step, (entry.get(2)![0] as Buffer).readFloatLE()]);
      }
    }
    torn += bytes.byteLength - at;
  }
  return { files, version, starts, scalars, wallTimes, torn };
}

function frameAt(bytes: Buffer, at: number): Buffer | undefined {
  if (at + 12 > bytes.byteLength) return undefined;
  const length = Number(bytes.readBigUInt64LE(at));
  if (at + 16 + length > bytes.byteLength) return undefined;
  const message = bytes.subarray(at + 12, at + 12 + length);
  if (masked(bytes.subarray(at, at + 8)) !== bytes.readUInt32LE(at + 8) || masked(message) !== bytes.readUInt32LE(at + 12 + length)) throw new Error(`a checksum at ${at} does not fit`);
  return message;
}

function masked(bytes: Uint8Array): number {
  let value = 0xffffffffn;
  for (const byte of bytes) {
    value ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++) value = value & 1n ? (value >> 1n) ^ 0x82f63b78n : value >> 1n;
  }
  const plain = value ^ 0xffffffffn;
  return Number((((plain >> 15n) | (plain << 17n)) + 0xa282ead8n) & 0xffffffffn);
}

/** By field number: varints as bigint, fixed and length-delimited values as their bytes. */
function fields(message: Buffer): Map<number, (bigint | Buffer)[]> {
  const found = new Map<number, (bigint | Buffer)[]>();
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = message[at++]!;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const bytes = (length: number): Buffer => message.subarray(at, (at += length));
  while (at < message.byteLength) {
    const key = Number(varint());
    const kind = key & 7;
    const value = kind === 0 ? varint() : kind === 1 ? bytes(8) : kind === 5 ? bytes(4) : bytes(Number(varint()));
    found.set(key >> 3, [...(found.get(key >> 3) ?? []), value]);
  }
  return found;
}
