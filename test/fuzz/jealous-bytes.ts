/** A file in memory that minds how much is asked of it: a read of more than there is would be an allocation that hostile bytes asked for. */
import { expect } from 'vitest';
import type { ByteSource } from '../../extension/core/files/byte-source';

/** No fixed-size record of any format is larger. */
const RECORD = 64;

export function jealousBytes(bytes: Uint8Array): ByteSource {
  return {
    size: bytes.byteLength,
    read: (position, length) => {
      expect(length).toBeLessThanOrEqual(bytes.byteLength + RECORD);
      return Promise.resolve(position + length <= bytes.byteLength ? bytes.slice(position, position + length) : undefined);
    },
  };
}
