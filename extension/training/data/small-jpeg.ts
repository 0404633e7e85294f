/**
 * Small plain JPEGs decoded in this thread.
 *
 * A trip through sharp costs 0.7 ms whatever the size, twenty times what decoding 32×32 pixels does. libjpeg-turbo as
 * WebAssembly has no such cost, but no vector instructions: for photographs the two are equal. It is the library that sharp
 * decodes with, and gives the same bits of whatever an encoder wrote; what it objects to is left to sharp, which says what is refused.
 */
import createLibjpegTurbo, { type JpegDecoder } from '@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs';
import { jpegHeader } from './jpeg-header';
import type { Pixels } from './source';

/** Longest side in pixels, and bytes of a file: the decoder's memory never shrinks. */
const LONGEST = 256;
const MOST_BYTES = 2 ** 20;
/** 4:4:4 and 4:2:0, which nearly all image sets are made with. */
const SAMPLINGS: ReadonlySet<string> = new Set(['17,17,17', '34,17,17']);
/** What the decoder throws stays in its memory, some hundred bytes each; now and then that is given back. */
const REFUSALS = 4096;

let decoder: Promise<JpegDecoder> | undefined;
let refused = 0;

/** Undefined where the file is not plain and small, or the decoder objects to it. */
export async function decodeSmallJpeg(bytes: Uint8Array): Promise<Pixels | undefined> {
  if (bytes.length > MOST_BYTES) return undefined;
  const header = jpegHeader(bytes);
  if (!header?.plain || !header.baseline || !SAMPLINGS.has(header.sampling.join())) return undefined;
  const { width, height } = header;
  if (width > LONGEST || height > LONGEST) return undefined;
  decoder ??= createLibjpegTurbo().then(({ JPEGDecoder }) => new JPEGDecoder());
  const rgb = decode(await decoder, bytes);
  return rgb?.length === width * height * 3 ? { width, height, rgb } : undefined;
}

function decode(codec: JpegDecoder, bytes: Uint8Array): Uint8Array | undefined {
  codec.getEncodedBuffer(bytes.length).set(bytes);
  try {
    codec.decode();
  } catch {
    if (++refused % REFUSALS === 0) decoder = undefined;
    return undefined;
  }
  return new Uint8Array(codec.getDecodedBuffer());
}
