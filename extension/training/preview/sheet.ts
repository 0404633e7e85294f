/** A contact sheet of what an experiment will do to its images, as PNG: one row an image. */
import sharp from 'sharp';
import { visibleAttention } from '../masking/visible-attention';
import { canDrawText, captionsSvg } from './captions';
import type { Caption } from './captions';
import { attentionTile, imageTile, maskTile } from './tiles';
import type { Tile } from './tiles';

export interface PreviewImage {
  /** [3, S, S], augmented and normalised as the student gets it. */
  readonly image: Float32Array;
  /** Class name or file name. */
  readonly name?: string;
  /** Patches that stay visible; absent where nothing is masked. */
  readonly keepIds?: ArrayLike<number>;
  /** Teacher's CLS attention to each patch, [L]; absent where there is no teacher. */
  readonly scores?: ArrayLike<number>;
  /** [3, S, S], normalised: visible patches as they are, hidden ones as the student predicts them. */
  readonly reconstruction?: Float32Array;
}

export interface PreviewSheet {
  readonly images: readonly PreviewImage[];
  /** S, pixels. */
  readonly imageSize: number;
  readonly patchSize: number;
  readonly mean: readonly number[];
  readonly std: readonly number[];
  /** First line of the sheet: the experiment and its masking. */
  readonly title: string;
  /** Beside the image only this column; absent: all there are. */
  readonly only?: 'masks' | 'attention' | 'reconstruction';
  /** Said under each reconstruction. */
  readonly reconstructionNote?: string;
}

const MARGIN = 16;
const GAP = 12;
const TITLE_HEIGHT = 30;
const HEADER_HEIGHT = 22;
const CAPTION_HEIGHT = 22;
const TEXT_SIZE = 12;
/** Tiles are enlarged by a whole factor to at least this side, which has room for a caption. */
const TILE_SIDE = 224;
/** Letters of a name that fit under a tile. */
const NAME_LENGTH = 32;
const PAPER = 250;

/**
 * Columns: the augmented image; the image with masked patches hatched; the teacher's attention. The last two are left
 * out where no image has them (with `only: reconstruction` the last is what was predicted), and all text where the machine has no font.
 *
 * @throws RangeError where there are no images
 */
export async function previewSheet(sheet: PreviewSheet): Promise<Buffer> {
  if (sheet.images.length === 0) throw new RangeError('A preview sheet needs at least one image.');
  const withText = await canDrawText();
  const columns = columnsOf(sheet);
  const enlarge = Math.ceil(TILE_SIDE / sheet.imageSize);
  const side = sheet.imageSize * enlarge;
  const top = MARGIN + (withText ? TITLE_HEIGHT + HEADER_HEIGHT : 0);
  const rowHeight = side + (withText ? CAPTION_HEIGHT : 0) + GAP;
  const width = 2 * MARGIN + columns.length * side + (columns.length - 1) * GAP;
  const height = top + sheet.images.length * rowHeight - GAP + MARGIN;
  const columnX = (column: number): number => MARGIN + column * (side + GAP);

  const pixels = Buffer.alloc(width * height * 3, PAPER);
  const captions: Caption[] = [{ text: sheet.title, x: MARGIN, y: MARGIN + 16, size: 16, bold: true }];
  columns.forEach(({ title }, column) => captions.push({ text: title, x: columnX(column), y: top - 8, size: TEXT_SIZE, bold: true }));
  sheet.images.forEach((image, row) => {
    const y = top + row * rowHeight;
    const plain = imageTile(image.image, sheet.imageSize, sheet.mean, sheet.std, enlarge);
    columns.forEach(({ tile, caption }, column) => {
      blit(pixels, width, tile(image, plain), columnX(column), y);
      captions.push({ text: caption(image), x: columnX(column), y: y + side + 15, size: TEXT_SIZE });
    });
  });
  const paper = sharp(pixels, { raw: { width, height, channels: 3 } });
  if (withText) paper.composite([{ input: Buffer.from(captionsSvg(width, height, captions)), left: 0, top: 0 }]);
  return paper.png().toBuffer();
}

interface Column {
  readonly title: string;
  tile(image: PreviewImage, plain: Tile): Tile;
  caption(image: PreviewImage): string;
}

function columnsOf({ images, imageSize, patchSize, mean, std, only, reconstructionNote = '' }: PreviewSheet): Column[] {
  const grid = { grid: imageSize / patchSize };
  const columns: Column[] = [{ title: 'Augmented image', tile: (_, plain) => plain, caption: ({ name = '' }) => (name.length > NAME_LENGTH ? `…${name.slice(1 - NAME_LENGTH)}` : name) }];
  if (only !== 'attention' && images.some(({ keepIds }) => keepIds)) {
    columns.push({
      title: 'Seen by the student',
      tile: ({ keepIds }, plain) => (keepIds ? maskTile(plain, grid, keepIds) : plain),
      caption: ({ keepIds, scores }) => (keepIds ? visibleCaption(keepIds, scores, grid.grid ** 2) : ''),
    });
  }
  if (only === 'reconstruction') {
    columns.push({
      title: 'Hidden patches as predicted',
      tile: ({ reconstruction }, plain) => (reconstruction ? imageTile(reconstruction, imageSize, mean, std, plain.side / imageSize) : plain),
      caption: () => reconstructionNote,
    });
  }
  if ((only === undefined || only === 'attention') && images.some(({ scores }) => scores)) {
    columns.push({
      title: 'Teacher’s CLS attention',
      tile: ({ scores }, plain) => (scores ? attentionTile(plain, grid, scores) : plain),
      caption: ({ scores }) => (scores ? `peak ${(Math.max(...Array.from(scores)) / meanOf(scores)).toFixed(1)}× the mean` : ''),
    });
  }
  return columns;
}

function visibleCaption(keepIds: ArrayLike<number>, scores: ArrayLike<number> | undefined, patchCount: number): string {
  const patches = `${keepIds.length} of ${patchCount} patches`;
  return scores ? `${patches}, ${Math.round(100 * visibleAttention(keepIds, scores))} % of attention` : patches;
}

function meanOf(values: ArrayLike<number>): number {
  return Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;
}

function blit(pixels: Buffer, width: number, { side, rgb }: Tile, x: number, y: number): void {
  for (let row = 0; row < side; row++) pixels.set(rgb.subarray(row * side * 3, (row + 1) * side * 3), ((y + row) * width + x) * 3);
}
