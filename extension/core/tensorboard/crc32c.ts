/** CRC-32C (Castagnoli), by which TensorBoard's frames are checked; Node's own `crc32` is of another polynomial. */

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) remainder = remainder & 1 ? (remainder >>> 1) ^ 0x82f63b78 : remainder >>> 1;
  return remainder;
});

export function crc32c(bytes: Uint8Array): number {
  let remainder = 0xffffffff;
  for (const byte of bytes) remainder = TABLE[(remainder ^ byte) & 0xff]! ^ (remainder >>> 8);
  return ~remainder >>> 0;
}

/** As it is stored: turned and shifted, so that a checksum of checksums stays one (tensorflow/core/lib/hash/crc32c.h). */
export function maskedCrc32c(bytes: Uint8Array): number {
  const plain = crc32c(bytes);
  return (((plain >>> 15) | (plain << 17)) + 0xa282ead8) >>> 0;
}
