/** What stands before the pixels of a JPEG, as far as it decides how the image is decoded. */

export interface JpegHeader {
  /** In pixels, as stored: before any turn by EXIF. */
  readonly width: number;
  readonly height: number;
  /** Sampling factors of each component, horizontal · 16 + vertical. */
  readonly sampling: readonly number[];
  /** Sequential, Huffman coded. */
  readonly baseline: boolean;
  /** EXIF data, which may turn the image. */
  readonly exif: boolean;
  /** Marks between the pixels from which decoding goes on after damage. */
  readonly restarts: boolean;
  /** Components numbered from 1, and no application's data but JFIF's: three of them are YCbCr, and nothing changes them. */
  readonly plain: boolean;
}

const SOF0 = 0xc0;
const SOF2 = 0xc2;
const SOS = 0xda;
const DRI = 0xdd;
const APP0 = 0xe0;
const APP1 = 0xe1;
const APP15 = 0xef;
/** Tables and comments: nothing that is asked for here. */
const PASSED_OVER: ReadonlySet<number> = new Set([0xc4, 0xdb, 0xfe]);

/** Undefined where the bytes are no JPEG of 8 bits a sample, cut off, or anything but what nearly all files are. */
export function jpegHeader(bytes: Uint8Array): JpegHeader | undefined {
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) return undefined;
  let frame: Frame | undefined;
  let exif = false;
  let restarts = false;
  let applications = false;
  for (let at = 2; at + 4 <= bytes.length; ) {
    const marker = bytes[at + 1]!;
    const end = at + 2 + two(bytes, at + 2);
    if (bytes[at] !== 0xff || end < at + 4 || end > bytes.length) return undefined;
    if (marker === SOS) return frame && { ...frame, exif, restarts, plain: frame.plain && !applications };
    if (marker >= SOF0 && marker <= SOF2) {
      if (frame) return undefined;
      frame = readFrame(bytes, at, end);
      if (!frame) return undefined;
    } else if (marker >= APP0 && marker <= APP15) {
      if (at > 2 || !begins(bytes, 6, 'JFIF\0')) applications = true;
      if (marker === APP1 && begins(bytes, at + 4, 'Exif')) exif = true;
    } else if (marker === DRI) {
      restarts = true;
    } else if (!PASSED_OVER.has(marker)) return undefined;
    at = end;
  }
  return undefined;
}

type Frame = Pick<JpegHeader, 'width' | 'height' | 'sampling' | 'baseline' | 'plain'>;

/** ITU-T T.81, B.2.2: length, bits a sample, height, width, components, and three bytes for each. */
function readFrame(bytes: Uint8Array, at: number, end: number): Frame | undefined {
  const components = bytes[at + 9]!;
  if (end !== at + 10 + 3 * components || bytes[at + 4] !== 8) return undefined;
  const [height, width] = [two(bytes, at + 5), two(bytes, at + 7)];
  // A height of 0 is told after the pixels.
  if (width === 0 || height === 0) return undefined;
  const sampling = Array.from({ length: components }, (_, i) => bytes[at + 11 + 3 * i]!);
  const plain = sampling.every((_, i) => bytes[at + 10 + 3 * i] === i + 1);
  return { width, height, sampling, baseline: bytes[at + 1] === SOF0, plain };
}

function two(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}

function begins(bytes: Uint8Array, at: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text.charCodeAt(i)) return false;
  return true;
}
