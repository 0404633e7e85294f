/** Decoded and cropped in one go, where the size is known before: nothing below the crop is decoded, and no whole image lies between. */
import type { Crop } from './crop';
import { decodable } from './decode-jpeg';
import { imageCode } from './image-code';
import { jpegHeader } from './jpeg-header';
import { isSmall } from './transform';

export interface CroppedImage {
  readonly crop: Crop;
  /** RGB bytes [window, window, 3] of the crop, not mirrored. */
  readonly rgb: Uint8Array;
}

/**
 * The bytes that `decodePixels` and `cropAndResize` would give.
 * @param draw the crop of an image of that size
 * @returns undefined where only decoding tells the size, where the decoder objects, and for small images, which are kept whole.
 */
export async function decodeCrop(bytes: Uint8Array, draw: (size: { readonly width: number; readonly height: number }) => Crop): Promise<CroppedImage | undefined> {
  const header = jpegHeader(bytes);
  // A file that is cut off must not be refused in one epoch and used in the next. Pixels that end in the marker of the end cannot
  // run out; with restarts, each part can.
  if (!header || !decodable(header, bytes) || header.restarts || isSmall(header)) return undefined;
  const crop = draw(header);
  const rgb = (await imageCode()).decodeCrop(bytes, crop);
  return rgb && { crop, rgb };
}
