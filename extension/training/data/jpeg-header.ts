/** What stands before the pixels of a JPEG, as far as it decides how the image is decoded. */

export interface JpegHeader {
  /** In pixels, as stored: before any turn by EXIF. */
  readonly width: number;
  readonly height: number;
  /** Sampling factors of each component, horizontal · 16 + vertical. */
  readonly sampling: readonly number[];
  /** EXIF data says that the image is to be turned or mirrored, or cannot be read. */
  readonly turned: boolean;
  /** Marks between the pixels from which decoding goes on after damage. */
  readonly restarts: boolean;
}

const SOF0 = 0xc0;
const SOF2 = 0xc2;
const SOS = 0xda;
const DRI = 0xdd;
const APP0 = 0xe0;
const APP1 = 0xe1;
const APP15 = 0xef;
/** A tag of TIFF, and a type. */
const ORIENTATION = 0x0112;
const SHORT = 3;
/** Tables and comments: nothing that is asked for here. */
const PASSED_OVER: ReadonlySet<number> = new Set([0xc4, 0xdb, 0xfe]);

/** Undefined where the bytes are no JPEG of 8 bits a sample, cut off, or anything but what nearly all files are. */
export function jpegHeader(bytes: Uint8Array): JpegHeader | undefined {
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) return undefined;
  let frame: Frame | undefined;
  let turned = false;
  let restarts = false;
  for (let at = 2; at + 4 <= bytes.length; ) {
    const marker = bytes[at + 1]!;
    const end = at + 2 + two(bytes, at + 2);
    if (bytes[at] !== 0xff || end < at + 4 || end > bytes.length) return undefined;
    if (marker === SOS) return frame && { ...frame, turned, restarts };
    if (marker >= SOF0 && marker <= SOF2) {
      if (frame) return undefined;
      frame = readFrame(bytes, at, end);
      if (!frame) return undefined;
    } else if (marker >= APP0 && marker <= APP15) {
      if (marker === APP1 && begins(bytes, at + 4, 'Exif')) turned ||= exifOrientation(bytes.subarray(at + 10, end)) !== 1;
    } else if (marker === DRI) {
      restarts = true;
    } else if (!PASSED_OVER.has(marker)) return undefined;
    at = end;
  }
  return undefined;
}

type Frame = Pick<JpegHeader, 'width' | 'height' | 'sampling'>;

/** ITU-T T.81, B.2.2: length, bits a sample, height, width, components, and three bytes for each. */
function readFrame(bytes: Uint8Array, at: number, end: number): Frame | undefined {
  const components = bytes[at + 9]!;
  if (end !== at + 10 + 3 * components || bytes[at + 4] !== 8) return undefined;
  const [height, width] = [two(bytes, at + 5), two(bytes, at + 7)];
  // A height of 0 is told after the pixels.
  if (width === 0 || height === 0) return undefined;
  const sampling = Array.from({ length: components }, (_, i) => bytes[at + 11 + 3 * i]!);
  return { width, height, sampling };
}

/** The tag `Orientation`, one number of sixteen bits, of the first directory of a TIFF, which EXIF is: 1, upright, where it has none; undefined where it is not understood. */
function exifOrientation(tiff: Uint8Array): number | undefined {
  const view = new DataView(tiff.buffer, tiff.byteOffset, tiff.byteLength);
  const little = begins(tiff, 0, 'II');
  if (tiff.length < 8 || (!little && !begins(tiff, 0, 'MM'))) return undefined;
  const directory = view.getUint32(4, little);
  if (directory + 2 > tiff.length) return undefined;
  const entries = directory + 2;
  const end = entries + 12 * view.getUint16(directory, little);
  if (end > tiff.length) return undefined;
  for (let entry = entries; entry < end; entry += 12) {
    if (view.getUint16(entry, little) !== ORIENTATION) continue;
    const isNumber = view.getUint16(entry + 2, little) === SHORT && view.getUint32(entry + 4, little) === 1;
    return isNumber ? view.getUint16(entry + 8, little) : undefined;
  }
  return 1;
}

function two(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}

function begins(bytes: Uint8Array, at: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text.charCodeAt(i)) return false;
  return true;
}
