/** JPEGs decoded in this thread: nearly all that image sets hold. */
import { imageCode } from './image-code';
import { jpegHeader, type JpegHeader } from './jpeg-header';
import type { Pixels } from './source';

/** Decoded, these take 128 MB of memory at once; larger ones are left to sharp. */
const MOST_PIXELS = 2 ** 25;

/** Undefined where the file is left to sharp, which says what is wrong with it if something is. */
export async function decodeJpeg(bytes: Uint8Array): Promise<Pixels | undefined> {
  const header = jpegHeader(bytes);
  if (!header || !decodable(header, bytes)) return undefined;
  const { width, height } = header;
  const rgb = (await imageCode()).decode(bytes, { left: 0, top: 0, width, height });
  return rgb && { width, height, rgb };
}

/** Grey or of three components, upright as stored, and with an end. */
export function decodable({ width, height, sampling, turned }: JpegHeader, bytes: Uint8Array): boolean {
  return width * height <= MOST_PIXELS && sampling.length !== 4 && !turned && bytes[bytes.length - 2] === 0xff && bytes[bytes.length - 1] === 0xd9;
}
