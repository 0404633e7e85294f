/** Encoded images to RGB pixels. */
import sharp, { type Sharp } from 'sharp';
import { decodeJpeg } from './decode-jpeg';
import { jpegHeader } from './jpeg-header';
import { UnreadableImage, type Pixels, type StoredImage } from './source';

/** 64 megapixels decode into 192 MB; a small file that claims more is a decompression bomb. */
const MAX_PIXELS = 64 * 2 ** 20;

// A loader thread decodes one image at a time; libvips must neither spread it over cores that train nor remember it.
sharp.concurrency(1);
sharp.cache(false);

/**
 * RGB pixels, upright: EXIF orientation applied, grey, CMYK and 16-bit converted, alpha dropped, first frame of several.
 * @throws UnreadableImage where the bytes are no JPEG, PNG or WebP, are damaged or cut off, or hold too many pixels.
 */
export async function decodePixels(image: StoredImage): Promise<Pixels> {
  if (image.kind === 'pixels') return image;
  const jpeg = await decodeJpeg(image.bytes);
  if (jpeg) return jpeg;
  if (!isKnownFormat(image.bytes)) throw new UnreadableImage('not a JPEG, PNG or WebP image');
  try {
    const { data, info } = await rawRgb(image.bytes).toBuffer({ resolveWithObject: true });
    if (info.channels !== 3) throw new Error(`${info.channels} channels after conversion to RGB`);
    return { width: info.width, height: info.height, rgb: data };
  } catch (error) {
    throw new UnreadableImage(firstLine(error));
  }
}

/**
 * A pipeline that refuses what is damaged or too large and ends in RGB bytes. As PIL’s `convert('RGB')` it takes numbers as they are,
 * whatever a colour profile says of how they look; CMYK is turned into RGB by its profile.
 */
function rawRgb(bytes: Uint8Array): Sharp {
  return sharp(bytes, { failOn: 'error', limitInputPixels: MAX_PIXELS, ignoreIcc: !mayBeCmyk(bytes) }).autoOrient().toColourspace('srgb').removeAlpha().raw({ depth: 'uchar' });
}

function mayBeCmyk(bytes: Uint8Array): boolean {
  if (!begins(bytes, JPEG)) return false;
  const header = jpegHeader(bytes);
  return !header || header.sampling.length === 4;
}

function firstLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split('\n')[0]!;
}

/** libvips reads dozens of formats, SVG among them; only those that image sets use are let through. */
function isKnownFormat(bytes: Uint8Array): boolean {
  return begins(bytes, JPEG) || begins(bytes, PNG) || (begins(bytes, RIFF) && begins(bytes, WEBP, 8));
}

function begins(bytes: Uint8Array, signature: readonly number[], at = 0): boolean {
  return signature.every((byte, i) => bytes[at + i] === byte);
}

const JPEG = [0xff, 0xd8, 0xff];
const PNG = [0x89, 0x50, 0x4e, 0x47];
const RIFF = [0x52, 0x49, 0x46, 0x46];
const WEBP = [0x57, 0x45, 0x42, 0x50];
