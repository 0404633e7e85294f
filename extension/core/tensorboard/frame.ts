/**
 * TFRecord framing (tensorflow/core/lib/io/record_writer.h): length (uint64), its masked CRC-32C (4 bytes), the message and
 * its masked CRC-32C (4 bytes), all little-endian.
 */
import { maskedCrc32c } from './crc32c';

const HEADER = 12;
const FOOTER = 4;

export function frameOf(message: Uint8Array): Buffer {
  const frame = Buffer.alloc(HEADER + message.byteLength + FOOTER);
  frame.writeBigUInt64LE(BigInt(message.byteLength));
  frame.writeUInt32LE(maskedCrc32c(frame.subarray(0, 8)), 8);
  frame.set(message, HEADER);
  frame.writeUInt32LE(maskedCrc32c(message), HEADER + message.byteLength);
  return frame;
}

/** Where the frame at `at` ends; undefined where it is torn or its checksums do not fit. */
export function frameEnd(bytes: Buffer, at: number): number | undefined {
  if (at + HEADER > bytes.byteLength || maskedCrc32c(bytes.subarray(at, at + 8)) !== bytes.readUInt32LE(at + 8)) return undefined;
  const end = at + HEADER + Number(bytes.readBigUInt64LE(at)) + FOOTER;
  if (end > bytes.byteLength) return undefined;
  return maskedCrc32c(bytes.subarray(at + HEADER, end - FOOTER)) === bytes.readUInt32LE(end - FOOTER) ? end : undefined;
}

/** What a whole frame holds. */
export function messageOf(frame: Buffer): Buffer {
  return frame.subarray(HEADER, frame.byteLength - FOOTER);
}
