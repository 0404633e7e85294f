/** The tiles of a preview sheet as RGB pixels: the image, what the student sees of it, where the teacher looks. */
import { viridis } from './colormap';

/** RGB, 8 bits a channel, [side, side, 3]. */
export interface Tile {
  readonly side: number;
  readonly rgb: Uint8Array;
}

/** The patch grid of a tile: `grid`² patches. */
interface PatchGrid {
  readonly grid: number;
}

/**
 * Undoes the loader's normalisation and enlarges each pixel to a square.
 *
 * @param image [3, S, S], normalised
 * @param enlarge whole factor
 */
export function imageTile(image: Float32Array, size: number, mean: readonly number[], std: readonly number[], enlarge: number): Tile {
  const side = size * enlarge;
  return paint(side, (x, y) => {
    const at = Math.floor(y / enlarge) * size + Math.floor(x / enlarge);
    return [0, 1, 2].map((channel) => 255 * (image[channel * size * size + at]! * std[channel]! + mean[channel]!));
  });
}

/** Distance between hatch lines, and their width, in pixels of the tile. */
const HATCH = 10;
const LINE = 2;

/**
 * The image with its masked patches dimmed to grey and hatched. The hatch alternates a light and a dark line, so it
 * stands out from bright and from dark images alike.
 *
 * @param keepIds patches that stay visible
 */
export function maskTile(image: Tile, { grid }: PatchGrid, keepIds: ArrayLike<number>): Tile {
  const visible = new Set(Array.from(keepIds));
  return paint(image.side, (x, y) => {
    const colour = pixelOf(image, x, y);
    if (visible.has(patchAt(x, y, image.side, grid))) return colour;
    const phase = (x + y) % (2 * HATCH);
    if (phase < LINE) return [190, 190, 190];
    if (phase >= HATCH && phase < HATCH + LINE) return [70, 70, 70];
    const grey = 95 + 0.25 * luminance(colour);
    return [grey, grey, grey];
  });
}

/** Share of the image's own light in the heat map. */
const IMAGE_SHARE = 0.25;

/**
 * Heat map of one score a patch over the image in grey. The colours run from 0 to the largest score of this image.
 *
 * @param scores [grid²]
 */
export function attentionTile(image: Tile, { grid }: PatchGrid, scores: ArrayLike<number>): Tile {
  const peak = Math.max(...Array.from(scores), Number.MIN_VALUE);
  return paint(image.side, (x, y) => {
    const heat = viridis(scores[patchAt(x, y, image.side, grid)]! / peak);
    const grey = luminance(pixelOf(image, x, y));
    return heat.map((channel) => (1 - IMAGE_SHARE) * channel + IMAGE_SHARE * grey);
  });
}

function paint(side: number, colourAt: (x: number, y: number) => readonly number[]): Tile {
  const rgb = new Uint8Array(side * side * 3);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const colour = colourAt(x, y);
      for (let channel = 0; channel < 3; channel++) rgb[(y * side + x) * 3 + channel] = Math.min(255, Math.max(0, Math.round(colour[channel]!)));
    }
  }
  return { side, rgb };
}

function pixelOf({ side, rgb }: Tile, x: number, y: number): [number, number, number] {
  const at = (y * side + x) * 3;
  return [rgb[at]!, rgb[at + 1]!, rgb[at + 2]!];
}

/** Patches are row-major. */
function patchAt(x: number, y: number, side: number, grid: number): number {
  return Math.floor((y * grid) / side) * grid + Math.floor((x * grid) / side);
}

/** Rec. 709 */
function luminance([red, green, blue]: readonly [number, number, number]): number {
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
