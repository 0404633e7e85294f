/** Weights in any of the known namings → tensors under timm's names, the shape to run them with, and an account of every key. */
import { UserError } from '../problems';
import { elementCount, type HostTensor, type NamedTensors } from '../tensors';
import { resolveWeights } from './find-weights';
import { inferShape, noProjection, sizesOf, type ClassPosition, type InferredShape } from './infer-shape';
import { markerOf, recogniseKeys, TEACHER_FORMATS, type RecognisedKeys, type TeacherFormat } from './key-maps';
import { expandRelativePositions } from './relative-positions';
import { openTensors } from './open-tensors';
import { timmSpecs, type TeacherShape } from './teacher-shape';
import type { TensorSource } from './tensor-source';
import { readVitMetadata } from './vit-metadata';

export interface ImportReport {
  /** The file read, also where a folder was given. */
  readonly file: string;
  /** `mim` is one of this product's own files. */
  readonly format: TeacherFormat | 'mim';
  /** Names in the file that went into the teacher. */
  readonly used: string[];
  /** Names in the file that did not: heads, decoders, text towers, optimizer state. */
  readonly ignored: string[];
  /** timm names the file lacks that were filled with what makes them do nothing (biases 0, norm 1 and 0). */
  readonly missing: string[];
}

export interface ImportOptions {
  readonly format?: TeacherFormat | 'auto';
  readonly heads?: number;
  /** Also read CLIP's projection, as `head.weight`. */
  readonly projection?: boolean;
  /** Attention heads where neither the file, what lies beside it, nor its width tells. */
  readonly usualHeads?: number;
}

export interface ImportedTeacher {
  readonly tensors: NamedTensors;
  readonly shape: TeacherShape;
  readonly report: ImportReport;
}

/**
 * Reads a teacher. Tensors carry the names and sizes of `timmSpecs(shape)`, all float32.
 *
 * @param path a weight file, a run directory or a checkpoint's folder of this product, or a folder with `model.safetensors` or `pytorch_model.bin`.
 * @throws UserError MIM30xx where the file is damaged, not recognised, or lacks what a vision transformer needs.
 */
export async function importTeacher(path: string, options: ImportOptions = {}): Promise<ImportedTeacher> {
  const source = await openTensors(await resolveWeights(path));
  try {
    const plan = await planImport(source, options);
    if (options.projection) await requireNoBias(source, plan);
    return { tensors: await readPlanned(source, plan), shape: plan.shape, report: reportOf(source, plan) };
  } finally {
    await source.close();
  }
}

/** timm's CLIP has a head without bias; a model that was trained on to classify has one. */
async function requireNoBias(source: TensorSource, { format, keys }: ImportPlan): Promise<void> {
  const bias = `${keys.prefix}head.bias`;
  if (format !== 'timm' || !source.entries.has(bias)) return;
  const { data } = await source.read(bias);
  if (data.some((value) => value !== 0)) throw new UserError('MIM3005', `${source.file} cannot serve as a teacher with \`reconstruction.project\`: its head is a classifier, not the projection of CLIP.`, 'Leave `project` out to learn the features themselves, or take a checkpoint that was not fine-tuned.');
}

/** What an import would do, from names and sizes alone. */
export interface ImportPlan {
  readonly format: TeacherFormat | 'mim';
  readonly shape: TeacherShape;
  readonly keys: RecognisedKeys;
  readonly classPosition: ClassPosition;
  readonly missing: readonly string[];
}

/** @throws UserError MIM3004 (naming not recognised), MIM3005 (not a usable vision transformer). */
export async function planImport(source: TensorSource, options: ImportOptions): Promise<ImportPlan> {
  const asked = options.format === 'auto' ? undefined : options.format;
  const keys = recogniseKeys(source.entries, asked);
  if (keys === undefined) throw notRecognised(source, asked);
  const own = readVitMetadata(source.metadata, source.file);
  if (own !== undefined && options.projection) throw noProjection(source.file);
  const inferred = own === undefined ? await inferShape(source, keys, options) : ownShape(own, keys, source.file);
  const missing = checkTensors(source, keys, inferred.shape);
  return { format: own === undefined ? keys.format : 'mim', keys, missing, ...inferred };
}

function ownShape(shape: TeacherShape, keys: RecognisedKeys, file: string): InferredShape {
  if (shape.depth !== keys.depth) throw new UserError('MIM3005', `${file} says it has ${shape.depth} blocks but holds ${keys.depth}`);
  return { shape, classPosition: shape.registers > 0 ? 'in-token' : 'in-table' };
}

function notRecognised(source: TensorSource, asked: TeacherFormat | undefined): UserError {
  const some = [...source.entries.keys()].slice(0, 4).join(', ');
  return new UserError(
    'MIM3004',
    asked === undefined
      ? `${source.file}: the naming of its tensors is not known (it begins with ${some || 'no tensor at all'})`
      : `${source.file} is not in ${asked} naming: it has no ${markerOf(asked)}`,
    asked === undefined ? `Known are ${TEACHER_FORMATS.join(', ')}; convert it to timm naming.` : 'Leave `teacher.format` at `auto` to have it recognised.',
  );
}

/** Compares sizes with what the shape demands; returns the names that must be filled. */
function checkTensors(source: TensorSource, keys: RecognisedKeys, shape: TeacherShape): string[] {
  const absent: string[] = [];
  const filled: string[] = [];
  for (const [name, spec] of Object.entries(timmSpecs(shape))) {
    const sizes = sizesOf(source, keys, name);
    if (sizes === undefined) {
      (isFillable(name, shape) ? filled : absent).push(name);
      continue;
    }
    // The class token and the position table are settled when they are read.
    const free = name === 'pos_embed' || name === 'cls_token' || name === 'reg_token';
    const wanted = storedSizes(name, spec.shape, keys, shape);
    const fits = free ? sizes.at(-1) === shape.width : sizes.join() === wanted.join();
    if (!fits) {
      throw new UserError('MIM3005', `${source.file}: ${keys.sourcesOf(name)!.join(' + ')} is [${sizes.join(', ')}], but ${name} of this model is [${wanted.join(', ')}]`);
    }
  }
  if (absent.length > 0) {
    const more = absent.length > 6 ? ` and ${absent.length - 6} more` : '';
    throw new UserError('MIM3005', `${source.file} lacks ${absent.slice(0, 6).join(', ')}${more} (${keys.format} naming)`, 'It is not a whole vision transformer.');
  }
  return filled;
}

/** As the file has them where that differs: offsets in place of pairs of tokens, no bias of the keys, a projection of rows. */
function storedSizes(name: string, sizes: readonly number[], { format }: RecognisedKeys, shape: TeacherShape): readonly number[] {
  if (format === 'openai-clip' && name === 'head.weight') return sizes.toReversed();
  if (format !== 'simmim') return sizes;
  if (name.endsWith('.attn.rel_pos_bias')) return [(2 * (shape.imageSize / shape.patchSize) - 1) ** 2 + 3, shape.heads];
  return name.endsWith('.attn.qkv.bias') ? [2 * shape.width] : sizes;
}

/** A model without attention biases is one with zero biases; one without a final norm has a plain one; relative positions do without a table. */
function isFillable(name: string, shape: TeacherShape): boolean {
  return name.startsWith('norm.') || name.endsWith('.attn.qkv.bias') || (name === 'pos_embed' && shape.relativePositions);
}

async function readPlanned(source: TensorSource, plan: ImportPlan): Promise<NamedTensors> {
  const tensors: NamedTensors = {};
  for (const [name, { shape }] of Object.entries(timmSpecs(plan.shape))) {
    const names = plan.keys.sourcesOf(name);
    if (names === undefined) {
      tensors[name] = { shape, dtype: 'float32', data: new Float32Array(elementCount(shape)).fill(name.endsWith('.weight') ? 1 : 0) };
    } else {
      tensors[name] = { shape, dtype: 'float32', data: settled(name, concatenate(await Promise.all(names.map((part) => source.read(part)))), plan) };
    }
  }
  return settlePositions(tensors, plan, source.file);
}

/** SimMIM's tables of relative positions written out, and zeros where its keys have no bias; OpenAI's projection as a layer has its weights. */
function settled(name: string, data: Float32Array, { format, shape }: ImportPlan): Float32Array {
  if (format === 'openai-clip' && name === 'head.weight') return transposed(data, shape.width);
  if (format !== 'simmim') return data;
  if (name.endsWith('.attn.rel_pos_bias')) return expandRelativePositions(data, shape.imageSize / shape.patchSize, shape.heads);
  if (!name.endsWith('.attn.qkv.bias')) return data;
  const biases = new Float32Array(3 * shape.width);
  biases.set(data.subarray(0, shape.width));
  biases.set(data.subarray(shape.width), 2 * shape.width);
  return biases;
}

/** Of a matrix with so many rows. */
function transposed(data: Float32Array, rows: number): Float32Array {
  const columns = data.length / rows;
  return data.map((_, i) => data[(i % rows) * columns + Math.floor(i / rows)]!);
}

/**
 * The position table as `timmSpecs` has it: with registers, the row of CLS goes into `cls_token`; without, a table
 * that lacks the row gets one of zeros.
 */
function settlePositions(tensors: NamedTensors, { shape, classPosition }: ImportPlan, file: string): NamedTensors {
  const { width } = shape;
  const table = tensors['pos_embed']!.data as Float32Array;
  const classToken = tensors['cls_token']!.data as Float32Array;
  const rows = (shape.imageSize / shape.patchSize) ** 2 + (classPosition === 'in-table' ? 1 : 0);
  if (table.length !== rows * width || classToken.length !== width) {
    throw new UserError('MIM3005', `${file}: its position table or class token does not fit ${rows} positions of width ${width}`);
  }
  if (shape.registers > 0 && classPosition === 'in-table') {
    return {
      ...tensors,
      cls_token: { ...tensors['cls_token']!, data: classToken.map((value, i) => value + table[i]!) },
      pos_embed: { ...tensors['pos_embed']!, data: table.slice(width) },
    };
  }
  if (shape.registers === 0 && classPosition === 'in-token') {
    const padded = new Float32Array(table.length + width);
    padded.set(table, width);
    return { ...tensors, pos_embed: { ...tensors['pos_embed']!, data: padded } };
  }
  return tensors;
}

function concatenate(parts: readonly HostTensor[]): Float32Array {
  const [only] = parts;
  if (parts.length === 1 && only?.data instanceof Float32Array) return only.data;
  const whole = new Float32Array(parts.reduce((length, { data }) => length + data.length, 0));
  let position = 0;
  for (const { data } of parts) {
    whole.set(data, position);
    position += data.length;
  }
  return whole;
}

export function reportOf(source: TensorSource, plan: ImportPlan): ImportReport {
  const used = Object.keys(timmSpecs(plan.shape)).flatMap((name) => plan.keys.sourcesOf(name) ?? []);
  const taken = new Set(used);
  return {
    file: source.file,
    format: plan.format,
    used,
    ignored: [...source.entries.keys()].filter((name) => !taken.has(name)),
    missing: [...plan.missing],
  };
}
