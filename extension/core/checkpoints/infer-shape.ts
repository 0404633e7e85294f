/** The shape of a teacher from the sizes of its tensors, what its family is known for, and what lies beside the file. */
import { UserError } from '../problems';
import type { RecognisedKeys, TeacherFormat } from './key-maps';
import { readHubConfig } from './hub-config';
import { CLIP_MEAN, CLIP_STD, IMAGENET_MEAN, IMAGENET_STD, type TeacherShape } from './teacher-shape';
import type { TensorSource } from './tensor-source';

/** Where the file keeps the position of CLS. */
export type ClassPosition =
  /** Row 0 of the position table. */
  | 'in-table'
  /** Already added to `cls_token`; the table has patches only. */
  | 'in-token';

export interface InferredShape {
  readonly shape: TeacherShape;
  readonly classPosition: ClassPosition;
}

export interface ShapeOptions {
  readonly heads?: number;
  readonly usualHeads?: number;
  readonly projection?: boolean;
}

/**
 * @param heads attention heads where the caller knows them; otherwise the file's config.json, otherwise width / 64, otherwise `usualHeads`.
 * @param projection whether CLIP's projection is wanted
 * @throws UserError MIM3005 where the tensors are not those of a square-input ViT with a CLS token, the heads cannot be told, or there is no projection.
 */
export async function inferShape(source: TensorSource, keys: RecognisedKeys, { heads, usualHeads, projection }: ShapeOptions = {}): Promise<InferredShape> {
  const sizeOf = (target: string): readonly number[] | undefined => sizesOf(source, keys, target);
  const cannot = (why: string, hint?: string): UserError => new UserError('MIM3005', `${source.file} cannot serve as a teacher: ${why}`, hint);
  const require = (target: string): readonly number[] => {
    const sizes = sizeOf(target);
    if (sizes === undefined) throw cannot(`it has no ${target} (${keys.format} naming)`, 'Teachers are vision transformers with a CLS token and a learnt or fixed position table.');
    return sizes;
  };

  const patch = require('patch_embed.proj.weight');
  if (patch.length !== 4 || patch[1] !== 3 || patch[2] !== patch[3]) throw cannot(`its patch embedding is [${patch.join(', ')}], not [width, 3, P, P]`);
  const [width, , patchSize] = patch as [number, number, number];
  require('cls_token');
  const registers = sizeOf('reg_token')?.at(-2) ?? 0;
  const relative = sizeOf('blocks.0.attn.rel_pos_bias');
  const { grid, classPosition } = relative === undefined ? readGrid(require('pos_embed'), cannot) : readRelativeGrid(relative, cannot);
  const fc1 = require('blocks.0.mlp.fc1.weight');
  const fc2 = require('blocks.0.mlp.fc2.weight');
  const prenorm = sizeOf('norm_pre.weight') !== undefined;
  const projectedWidth = (): number => {
    const sizes = prenorm ? sizeOf('head.weight') : undefined;
    if (sizes === undefined) throw noProjection(source.file);
    return keys.format === 'openai-clip' ? sizes.at(-1)! : sizes[0]!;
  };
  const hub = await readHubConfig(source.file, width);
  const headCount = heads ?? relative?.[1] ?? hub.heads ?? (width % 64 === 0 ? width / 64 : usualHeads);
  if (headCount === undefined || width % headCount !== 0) {
    throw cannot(`the number of attention heads cannot be told from its width ${width}`, 'Give it as `teacher.heads`; it divides the width.');
  }
  return {
    classPosition,
    shape: {
      imageSize: grid * patchSize,
      patchSize,
      width,
      depth: keys.depth,
      heads: headCount,
      mlpRatio: fc2.at(-1)! / width,
      dropPath: 0,
      registers,
      prenorm,
      patchBias: sizeOf('patch_embed.proj.bias') !== undefined,
      relativePositions: relative !== undefined,
      layerScale: sizeOf('blocks.0.ls1.gamma') !== undefined,
      mlp: fc1[0] === 2 * fc2.at(-1)! ? 'swiglu' : 'mlp',
      ...familyHabits(keys.format, prenorm),
      ...(projection && { projection: projectedWidth() }),
      ...(hub.normEps === undefined ? {} : { normEps: hub.normEps }),
      ...(hub.activation === undefined ? {} : { activation: hub.activation }),
      ...(hub.imageMean === undefined ? {} : { imageMean: hub.imageMean }),
      ...(hub.imageStd === undefined ? {} : { imageStd: hub.imageStd }),
    },
  };
}

/** Also of this product's own files, whose heads are classifiers. */
export function noProjection(file: string): UserError {
  return new UserError('MIM3005', `${file} cannot serve as a teacher: it has no projection, which \`reconstruction.project\` asks for`, 'Only CLIP has one, and files of its vision tower alone may lack it. Leave `project` out to learn the features themselves.');
}

/** What the weights do not say. Epsilons are those the family's own library runs with. */
function familyHabits(format: TeacherFormat, prenorm: boolean): Pick<TeacherShape, 'activation' | 'normEps' | 'imageMean' | 'imageStd'> {
  if (format === 'hf-clip' || format === 'openai-clip' || prenorm) {
    return { activation: 'quick_gelu', normEps: 1e-5, imageMean: CLIP_MEAN, imageStd: CLIP_STD };
  }
  const normEps = format === 'hf-vit' || format === 'hf-mae' ? 1e-12 : 1e-6;
  return { activation: 'gelu', normEps, imageMean: IMAGENET_MEAN, imageStd: IMAGENET_STD };
}

/** The side of the patch grid from the rows of the position table, which are L or 1 + L. */
function readGrid(sizes: readonly number[], cannot: (why: string) => UserError): { grid: number; classPosition: ClassPosition } {
  const rows = sizes.at(-2) ?? 0;
  const withClass = Math.sqrt(rows - 1);
  if (rows > 1 && Number.isInteger(withClass)) return { grid: withClass, classPosition: 'in-table' };
  const without = Math.sqrt(rows);
  if (rows > 0 && Number.isInteger(without)) return { grid: without, classPosition: 'in-token' };
  throw cannot(`its position table has ${rows} rows, which is no square grid of patches`);
}

/** The same from a table of relative positions: (2g − 1)² offsets between patches, and 3 that have to do with CLS. */
function readRelativeGrid(sizes: readonly number[], cannot: (why: string) => UserError): { grid: number; classPosition: ClassPosition } {
  const grid = (Math.sqrt(sizes[0]! - 3) + 1) / 2;
  if (sizes.length !== 2 || !Number.isInteger(grid)) throw cannot(`its table of relative positions is [${sizes.join(', ')}], which is that of no square grid of patches`);
  return { grid, classPosition: 'in-table' };
}

/** The sizes of a timm tensor as the file has it, parts concatenated; undefined where the file has it not. */
export function sizesOf(source: TensorSource, keys: RecognisedKeys, target: string): readonly number[] | undefined {
  const parts = keys.sourcesOf(target)?.map((name) => source.entries.get(name)!.shape);
  if (parts === undefined) return undefined;
  const [first, ...rest] = parts as [readonly number[], ...(readonly number[])[]];
  if (rest.length === 0) return first;
  return [parts.reduce((rows, sizes) => rows + (sizes[0] ?? 0), 0), ...first.slice(1)];
}
