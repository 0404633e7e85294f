/** Unpacking gzip without trusting what it unpacks to. */
import { constants, gunzipSync } from 'node:zlib';
import { UserError } from '../../core/problems';

export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/** At most `limit` bytes. @throws UserError MIM2106 where the data is damaged, cut off, or unpacks to more. */
export function gunzipUpTo(bytes: Uint8Array, limit: number, where: string): Uint8Array {
  try {
    return gunzipSync(bytes, { maxOutputLength: Math.max(1, limit) });
  } catch (error) {
    throw damaged(error, limit, where);
  }
}

/** What the first 4 kB unpack to, at most 4 MB: enough for any header, without unpacking the rest. @throws UserError MIM2106 */
export function gunzipStart(bytes: Uint8Array, where: string): Uint8Array {
  try {
    return gunzipSync(bytes.subarray(0, 4096), { finishFlush: constants.Z_SYNC_FLUSH });
  } catch (error) {
    throw damaged(error, 0, where);
  }
}

function damaged(error: unknown, limit: number, where: string): UserError {
  const code = (error as NodeJS.ErrnoException).code;
  const how = code === 'ERR_BUFFER_TOO_LARGE' ? `it unpacks to more than the ${limit} bytes that belong there` : `its gzip data is damaged or cut off (${error instanceof Error ? error.message : String(error)})`;
  return new UserError('MIM2106', `${where} cannot be unpacked: ${how}.`, 'Download or copy it again.');
}
