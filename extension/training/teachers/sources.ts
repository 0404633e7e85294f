/** Where MaskAlign's teacher comes from: a checkpoint, frozen, or the student's own moving average. */
import { plainVit } from '../../core/checkpoints/teacher-shape';
import type { VitShape } from '../../core/config/schema';
import type { NamedTensors } from '../../core/tensors';
import type { MaskAlignTeacher } from '../methods/maskalign';
import type { Tensors } from '../nn/tensors';
import { tensorOf, withoutPrefix } from '../nn/tensors';
import type { PreparedTeacher } from './prepare';

const FROZEN = 'teacher.';
const AVERAGE = 'ema.';

/** Constants `teacher.<timm name>`. What no target reads, the final norm and heads, is left out. */
export function frozenTeacher({ tensors, shape }: PreparedTeacher): MaskAlignTeacher {
  const constants: NamedTensors = {};
  for (const [name, tensor] of Object.entries(tensors)) {
    if (!/^(norm|fc_norm|head)\./.test(name)) constants[FROZEN + name] = tensor;
  }
  return { architecture: shape, constants, select: (all) => withoutPrefix(all, FROZEN) };
}

/**
 * The exponential moving average of the student, seeing the whole image. Not in the paper: targets that follow the
 * student can collapse, so use it with whitened targets and watch the features' spread.
 */
export function averageTeacher(student: VitShape): MaskAlignTeacher {
  return {
    architecture: plainVit(student),
    constants: {},
    select: (all): Tensors => ({ ...withoutPrefix(all, AVERAGE), pos_embed: tensorOf(all, 'pos_embed') }),
  };
}
