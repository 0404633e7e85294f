/** Photographs: decoded and cropped in one go, where the size is known before. */
import { bicubicCrop } from './bicubic';
import type { Crop } from './crop';
import { openImage, rawRgb } from './decode';
import { jpegHeader, type JpegHeader } from './jpeg-header';
import { enlarges, isSmall, shrinkBySharp } from './transform';

export interface CroppedImage {
  readonly crop: Crop;
  /** RGB bytes [window, window, 3] of the crop, not mirrored. */
  readonly rgb: ArrayLike<number>;
}

/**
 * The bytes that `decodePixels` and `cropAndResize` would give, without a second trip through sharp and the whole image in between.
 * @param draw the crop of an image of that size
 * @returns undefined where only decoding tells the size, and where sharp objects: `decodePixels` then says to what.
 */
export async function decodeCrop(bytes: Uint8Array, draw: (size: { readonly width: number; readonly height: number }) => Crop): Promise<CroppedImage | undefined> {
  const header = jpegHeader(bytes);
  if (!header || header.exif || header.sampling.length !== 3 || isSmall(header) || !isWhole(bytes, header)) return undefined;
  const crop = draw(header);
  const image = openImage(bytes);
  try {
    return { crop, rgb: await (enlarges(crop) ? enlarged(rawRgb(image.extract(crop.box)).toBuffer(), crop) : rawRgb(shrinkBySharp(image, crop)).toBuffer()) };
  } catch {
    return undefined;
  }
}

/**
 * Whether none of the file is missing. sharp decodes no further than the crop, and a file that is cut off must not be refused in
 * one epoch and used in the next. Pixels that end in the marker of the end cannot run out; with restarts, each part can.
 */
function isWhole(bytes: Uint8Array, { restarts }: JpegHeader): boolean {
  return !restarts && bytes[bytes.length - 2] === 0xff && bytes[bytes.length - 1] === 0xd9;
}

async function enlarged(rgb: Promise<Uint8Array>, crop: Crop): Promise<ArrayLike<number>> {
  const { width, height } = crop.box;
  return bicubicCrop({ width, height, rgb: await rgb }, { ...crop, box: { left: 0, top: 0, width, height } });
}
