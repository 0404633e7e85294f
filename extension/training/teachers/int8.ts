/**
 * A frozen teacher whose products are computed in integers of 8 bits: faster, and not exact. How far its targets are from
 * the exact ones is measured before the training, for no rule says it: it depends on the teacher.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { HostTensor, NamedTensors } from '../../core/tensors';
import { float32 } from '../../core/tensors';
import { ImageLoader } from '../data/loader';
import type { Engine, Program } from '../engines/engine';
import { normaliseTokens } from '../methods/target-norm';
import { withoutPrefix } from '../nn/tensors';
import type { Prepared } from '../prepare';
import { prepareTeacher, type PreparedTeacher } from './prepare';
import { runTeacher } from './teacher';

/** Of them the error is measured. */
const IMAGES = 16;

/** The large products of every block; embedding, norms, attention itself and what follows the last block stay exact. */
const IN_BLOCKS = /^teacher\.blocks\.\d+\.(attn\.(qkv|proj)|mlp\.fc[12])\.weight$/;

/** Which of a method's constants are weights that int8 serves. */
export function int8Weights(constants: NamedTensors): string[] {
  return Object.keys(constants).filter((name) => IN_BLOCKS.test(name));
}

export interface Int8Error {
  readonly images: number;
  /** By level: root mean square of what whitened targets are off by, whose own is 1. */
  readonly levels: readonly number[];
}

/** Undefined where the teacher is not of int8. @throws UserError MIM4003 where the engine cannot compute in int8 */
export async function int8Error({ experiment, train, teacher: imported }: Pick<Prepared, 'experiment' | 'train' | 'teacher'>, engine: Engine): Promise<Int8Error | undefined> {
  const { teacher, student, data, seed } = experiment;
  if (teacher?.dtype !== 'int8' || imported === undefined) return undefined;
  const count = Math.min(IMAGES, train.length);
  const loader = new ImageLoader(train, { config: data, batchSize: count, seed });
  try {
    const images: HostTensor = float32([count, 3, data.image_size, data.image_size], (await loader.batch(0, 0)).images.slice());
    const compiled = await engine.compile(errorProgram(prepareTeacher(imported, student, data), images.shape));
    const state = engine.createState({});
    try {
      const [readings] = await compiled.run(state, [{ images }]);
      return { images: count, levels: Array.from(readings!['errors']!.data) };
    } finally {
      state.dispose();
      await compiled.dispose();
    }
  } finally {
    await loader.close();
  }
}

/** Both teachers side by side. Batch: `images`, as a step has them. Readings: `errors` [M]. */
function errorProgram({ tensors, shape }: PreparedTeacher, images: readonly number[]): Program {
  const named = (prefix: string): NamedTensors => Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [prefix + name, tensor]));
  const constants = { ...named('teacher.'), ...named('exact.') };
  const levels = Array.from({ length: shape.depth }, (_, level) => level);
  return {
    name: 'int8 error', state: {}, constants, batch: { images: { shape: [...images], dtype: 'float32' } }, int8: int8Weights(constants),
    run: ({ constants: all, batch }) => {
      const targets = (prefix: string): tf.Tensor[] => runTeacher(withoutPrefix(all, prefix), shape, batch['images']!, { levels, scores: false, keep: () => undefined }).targets.map((target) => normaliseTokens('whiten', target));
      const exact = targets('exact.');
      const errors = targets('teacher.').map((target, level) => tf.sqrt(tf.mean(tf.mean(tf.squaredDifference(target, exact[level]!), -1))));
      return { state: {}, readings: { errors: tf.stack(errors) } };
    },
  };
}

/** `int8 teacher: whitened targets are off by 1.1 % in the first of 12 levels and 4.2 % in the last (root mean square over 16 images).` */
export function describeInt8Error({ images, levels }: Int8Error): string {
  const percent = (share: number): string => `${(100 * share).toPrecision(2)} %`;
  return `int8 teacher: whitened targets are off by ${percent(levels[0]!)} in the first of ${levels.length} levels and ${percent(levels.at(-1)!)} in the last (root mean square over ${images} images).`;
}
