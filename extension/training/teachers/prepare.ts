/**
 * Fits a teacher to a student once, on the host: the same patch grid, the same images.
 *
 * The teacher must cut an image into as many patches as the student. So its input is (student's grid) × (teacher's
 * patch) pixels: images of another size are resized in the graph, and its position table is resized to the grid
 * here. CLIP-L/14 beside a student of 224/16 becomes the official 196-pixel teacher.
 */
import type { TeacherShape } from '../../core/checkpoints/teacher-shape';
import type { VitShape } from '../../core/config/schema';
import { UserError } from '../../core/problems';
import type { HostTensor, NamedTensors } from '../../core/tensors';
import { float32 } from '../../core/tensors';
import { TORCH_BICUBIC, bicubicMatrix } from '../bicubic';

interface ImageNormalisation {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

export interface PreparedTeacher {
  /**
   * timm names; `pos_embed` fits the student's grid. `image_resize` [S_T, S], if present, resizes one axis of an
   * image; `image_scale` and `image_shift` [3, 1, 1], if present, change its normalisation.
   */
  readonly tensors: NamedTensors;
  /** The teacher at the size it runs at. */
  readonly shape: TeacherShape;
}

/** Resizes the patch rows of a position table [1, (1+)g², D] bicubically, as the official code does; the CLS row stays. */
export function resizePositions(table: HostTensor, grid: number): HostTensor {
  const [, rows, width] = table.shape as [number, number, number];
  const oldGrid = Math.floor(Math.sqrt(rows));
  const clsRows = rows - oldGrid * oldGrid;
  if (clsRows > 1) {
    throw new UserError(
      'MIM3301',
      `The teacher's position table has ${rows} rows, which is neither a square grid of patches nor one with a CLS row.`,
      'Choose a teacher trained on square images.',
    );
  }
  if (oldGrid === grid) return table;
  const weights = bicubicMatrix(oldGrid, grid, TORCH_BICUBIC);
  const patches = table.data.subarray(clsRows * width);
  const alongX = new Float64Array(oldGrid * grid * width);
  accumulateAlong(weights, oldGrid, grid, oldGrid, (line, at) => (line * oldGrid + at) * width, (line, at) => (line * grid + at) * width, patches, alongX, width);
  const resized = new Float64Array(grid * grid * width);
  accumulateAlong(weights, oldGrid, grid, grid, (line, at) => (at * grid + line) * width, (line, at) => (at * grid + line) * width, alongX, resized, width);
  const data = new Float32Array((clsRows + grid * grid) * width);
  data.set(table.data.subarray(0, clsRows * width));
  data.set(resized, clsRows * width);
  return float32([1, clsRows + grid * grid, width], data);
}

/** target[line, out, :] += weights[out, in] · source[line, in, :] for every line; the two functions say where rows start. */
function accumulateAlong(
  weights: Float64Array,
  inputs: number,
  outputs: number,
  lines: number,
  sourceRow: (line: number, at: number) => number,
  targetRow: (line: number, at: number) => number,
  source: ArrayLike<number>,
  target: Float64Array,
  width: number,
): void {
  for (let line = 0; line < lines; line++) {
    for (let out = 0; out < outputs; out++) {
      const to = targetRow(line, out);
      for (let at = 0; at < inputs; at++) {
        const weight = weights[out * inputs + at]!;
        if (weight === 0) continue;
        const from = sourceRow(line, at);
        for (let k = 0; k < width; k++) target[to + k]! += weight * source[from + k]!;
      }
    }
  }
}

function patchGrid(what: string, { imageSize, patchSize }: Pick<VitShape, 'imageSize' | 'patchSize'>): number {
  if (imageSize % patchSize !== 0) {
    throw new UserError(
      'MIM3302',
      `The ${what}'s image size ${imageSize} is not a multiple of its patch size ${patchSize}.`,
      `Choose an image size such as ${Math.max(1, Math.round(imageSize / patchSize)) * patchSize}.`,
    );
  }
  return imageSize / patchSize;
}

/**
 * @param student the student's shape; images of its size will be fed
 * @param images how the host normalises those images (`data.mean`, `data.std`)
 */
export function prepareTeacher(
  teacher: { readonly tensors: NamedTensors; readonly shape: TeacherShape },
  student: VitShape,
  images: ImageNormalisation,
): PreparedTeacher {
  const grid = patchGrid('student', student);
  const { shape } = teacher;
  if (shape.width % shape.heads !== 0) {
    throw new UserError('MIM3303', `The teacher's width ${shape.width} is not divisible by its ${shape.heads} heads.`, 'Set teacher.heads to the number of heads it was trained with.');
  }
  const ownGrid = shape.imageSize / shape.patchSize;
  if (shape.relativePositions && grid !== ownGrid) {
    throw new UserError('MIM3304', `The teacher's relative positions are those of ${ownGrid} × ${ownGrid} patches, and the student has ${grid} × ${grid}.`, `Choose \`data.image_size\` and \`student.patch_size\` so that the student has ${ownGrid} × ${ownGrid} patches.`);
  }
  const inputSize = grid * shape.patchSize;
  const tensors: NamedTensors = { ...teacher.tensors, pos_embed: resizePositions(teacher.tensors['pos_embed']!, grid) };
  if (inputSize !== student.imageSize) {
    tensors['image_resize'] = float32([inputSize, student.imageSize], Float32Array.from(bicubicMatrix(student.imageSize, inputSize, TORCH_BICUBIC)));
  }
  const scale = shape.imageStd.map((std, channel) => images.std[channel]! / std);
  const shift = shape.imageStd.map((std, channel) => (images.mean[channel]! - shape.imageMean[channel]!) / std);
  if (scale.some((value) => value !== 1) || shift.some((value) => value !== 0)) {
    tensors['image_scale'] = float32([3, 1, 1], Float32Array.from(scale));
    tensors['image_shift'] = float32([3, 1, 1], Float32Array.from(shift));
  }
  return { tensors, shape: { ...shape, imageSize: inputSize } };
}
