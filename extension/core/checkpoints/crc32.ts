/** CRC-32 as zip has it (reflected, polynomial 0xEDB88320). */
import * as zlib from 'node:zlib';

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

/** For Node before 20.15. @param before of the bytes that come before these */
export function tableCrc32(bytes: Uint8Array, before = 0): number {
  let crc = before ^ 0xffffffff;
  for (let i = 0; i < bytes.length; i++) crc = table[(crc ^ bytes[i]!) & 0xff]! ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

/** Node's own is several times as fast. */
export const crc32: (bytes: Uint8Array, before?: number) => number = zlib.crc32 ?? tableCrc32;
