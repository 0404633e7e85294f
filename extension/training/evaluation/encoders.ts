/** Feature programs of the two encoders of an experiment: the student, whose parameters move, and the frozen teacher. */
import { plainVit } from '../../core/checkpoints/teacher-shape';
import type { VitShape } from '../../core/config/schema';
import type { Program, StateStore } from '../engines/engine';
import { sinCosPositions } from '../nn/positions';
import { withoutPrefix } from '../nn/tensors';
import { vitFeatures, vitSpecs } from '../nn/vit';
import type { PreparedTeacher } from '../teachers/prepare';
import { teacherFeatures } from '../teachers/teacher';
import { featureProgram } from './features';
import type { FeatureName } from './features';

/**
 * Features of the student from the state store of its training, or from one that holds its parameters alone.
 *
 * @param prefix of its entries in the store: empty, or `ema.` for the average of the weights
 * @param kinds features that are read off; default: CLS and mean
 */
export function studentFeatureProgram(shape: VitShape, batchSize: number, prefix = '', kinds?: readonly FeatureName[]): Program {
  return featureProgram({
    name: 'student-features',
    state: Object.fromEntries(Object.entries(vitSpecs(shape)).map(([name, spec]) => [prefix + name, spec])),
    constants: { pos_embed: sinCosPositions(shape.width, shape.imageSize / shape.patchSize) },
    batchSize,
    imageSize: shape.imageSize,
    kinds,
    forward: (state, constants, images, layers) => vitFeatures({ ...withoutPrefix(state, prefix), ...constants }, shape, images, { layers }),
  });
}

/** The weights of the student as they are now, with the positions it has. @param prefix as of `studentFeatureProgram` */
export async function trainableStudent(state: StateStore, shape: VitShape, prefix = ''): Promise<PreparedTeacher> {
  const names = Object.keys(vitSpecs(shape));
  const values = await state.read(names.map((name) => prefix + name));
  const tensors = Object.fromEntries(names.map((name) => [name, values[prefix + name]!]));
  return { tensors: { ...tensors, pos_embed: sinCosPositions(shape.width, shape.imageSize / shape.patchSize) }, shape: plainVit(shape) };
}

/**
 * Features of a teacher, all of it among the constants: its state store may be empty.
 *
 * @param imageSize side of the images as the loader gives them, normalised for the student
 * @param kinds features that are read off; default: CLS and mean
 */
export function teacherFeatureProgram(teacher: PreparedTeacher, imageSize: number, batchSize: number, kinds?: readonly FeatureName[]): Program {
  return featureProgram({
    name: 'teacher-features',
    constants: teacher.tensors,
    batchSize,
    imageSize,
    kinds,
    forward: (_state, constants, images, layers) => teacherFeatures(constants, teacher.shape, images, { layers }),
  });
}
