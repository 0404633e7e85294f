import { expect, test } from 'vitest';
import { crc32, tableCrc32 } from '../../../extension/core/checkpoints/crc32';

test('the checksum of the standard, by the table and by what is used', () => {
  const check = Buffer.from('123456789');
  expect(tableCrc32(check)).toBe(0xcbf43926);
  expect(crc32(check)).toBe(0xcbf43926);
  expect(crc32(new Uint8Array(0))).toBe(tableCrc32(new Uint8Array(0)));
});
