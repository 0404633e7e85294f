/** The `mim.vit` entry of this product's own files: the model's shape, so that it re-imports exactly as it was. */
import * as z from 'zod';
import { UserError } from '../problems';
import type { TeacherShape } from './teacher-shape';

const KEY = 'mim.vit';

const size = z.int().min(1);
const rgb = z.tuple([z.number(), z.number(), z.number()]);

const shapeSchema = z.object({
  imageSize: size,
  patchSize: size,
  width: size,
  depth: size,
  heads: size,
  mlpRatio: z.number().positive(),
  dropPath: z.number().min(0).max(1),
  registers: z.int().min(0),
  prenorm: z.boolean(),
  patchBias: z.boolean(),
  layerScale: z.boolean(),
  /** Absent in files of before there were any. */
  relativePositions: z.boolean().default(false),
  activation: z.enum(['gelu', 'quick_gelu']),
  normEps: z.number().positive(),
  mlp: z.enum(['mlp', 'swiglu']),
  imageMean: rgb,
  imageStd: rgb,
}) satisfies z.ZodType<TeacherShape>;

/** Safetensors metadata that says which model the tensors are. `format: pt` is what other readers look for. */
export function vitMetadata(shape: TeacherShape): Record<string, string> {
  return { format: 'pt', [KEY]: JSON.stringify(shapeSchema.parse(shape)) };
}

/**
 * The shape a file says it has; undefined where it is not one of this product's.
 * @throws UserError MIM3011 where the entry is there but makes no sense.
 */
export function readVitMetadata(metadata: Readonly<Record<string, string>>, file: string): TeacherShape | undefined {
  const text = metadata[KEY];
  if (text === undefined) return undefined;
  try {
    return shapeSchema.parse(JSON.parse(text));
  } catch {
    throw new UserError('MIM3011', `${file}: its metadata entry ${KEY} does not describe a vision transformer`, 'The file was changed after it was saved; export it again.');
  }
}
