/** Unpacking gzip without trusting what it unpacks to. */
import { createGunzip, gunzipSync } from 'node:zlib';
import { Readable } from 'node:stream';
import { UserError } from '../../core/problems';

export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/** At most `limit` bytes. @throws UserError MIM2017 where the data is damaged, cut off, or unpacks to more. */
export function gunzipUpTo(bytes: Uint8Array, limit: number, where: string): Uint8Array {
  try {
    return gunzipSync(bytes, { maxOutputLength: Math.max(1, limit) });
  } catch (error) {
    throw damaged(error, limit, where);
  }
}

/** The first `length` bytes of what unpacks (fewer where there are not so many), without unpacking the rest. */
export async function gunzipStart(bytes: Uint8Array, length: number, where: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let total = 0;
  try {
    for await (const chunk of Readable.from([bytes]).pipe(createGunzip({ chunkSize: Math.max(64, length) }))) {
      chunks.push(chunk as Uint8Array);
      total += (chunk as Uint8Array).length;
      if (total >= length) break;
    }
  } catch (error) {
    throw damaged(error, length, where);
  }
  return Buffer.concat(chunks).subarray(0, length);
}

function damaged(error: unknown, limit: number, where: string): UserError {
  const code = (error as NodeJS.ErrnoException).code;
  const how = code === 'ERR_BUFFER_TOO_LARGE' ? `it unpacks to more than the ${limit} bytes that belong there` : `its gzip data is damaged or cut off (${error instanceof Error ? error.message : String(error)})`;
  return new UserError('MIM2017', `${where} cannot be unpacked: ${how}.`, 'Download or copy it again.');
}
