/** What a method's frozen teacher makes of images apart from the step, as a program without state. */
import type { Program } from './engines/engine';
import type { Looking } from './methods/method';

/** Batch input: `images` of this shape, [B, 3, S, S]. Readings: the entries of `Looking.specs`. */
export function lookingProgram(looking: Looking, images: readonly number[]): Program {
  return {
    name: 'teacher looks',
    state: {},
    constants: looking.constants,
    batch: { images: { shape: images, dtype: 'float32' } },
    run: ({ batch, constants }) => ({ state: {}, readings: looking.look(batch['images']!, constants) }),
  };
}
