/** Where a method's teacher comes from: a checkpoint, frozen, or the student's own moving average. */
import { plainVit } from '../../core/checkpoints/teacher-shape';
import type { VitShape } from '../../core/config/schema';
import type { NamedTensors } from '../../core/tensors';
import type { Architecture } from '../nn/block';
import type { Tensors } from '../nn/tensors';
import { tensorOf, withoutPrefix } from '../nn/tensors';
import type { PreparedTeacher } from './prepare';

/** What a method needs of a teacher; where its tensors come from (a checkpoint, an average) is the caller's affair. */
export interface MethodTeacher {
  readonly architecture: Architecture;
  /** Frozen tensors, under the names in which the loss finds them; empty if they come from the training state. */
  readonly constants: NamedTensors;
  /** The teacher's tensors under timm names, from what the loss is given as constants. */
  select(constants: Tensors): Tensors;
}

const FROZEN = 'teacher.';
const AVERAGE = 'ema.';

/**
 * Constants `teacher.<timm name>`. What targets that are raw block outputs do not read, the final norm and what follows it, is left out.
 */
export function frozenTeacher({ tensors, shape }: PreparedTeacher, finalNorm = false): MethodTeacher {
  const unread = finalNorm ? /^fc_norm\./ : /^(norm|fc_norm|head)\./;
  const constants: NamedTensors = {};
  for (const [name, tensor] of Object.entries(tensors)) {
    if (!unread.test(name)) constants[FROZEN + name] = tensor;
  }
  return { architecture: shape, constants, select: (all) => withoutPrefix(all, FROZEN) };
}

/**
 * The exponential moving average of the student, seeing the whole image. Not in the paper: targets that follow the
 * student can collapse, so use it with whitened targets and watch the features' spread.
 */
export function averageTeacher(student: VitShape): MethodTeacher {
  return {
    architecture: plainVit(student),
    constants: {},
    select: (all): Tensors => ({ ...withoutPrefix(all, AVERAGE), pos_embed: tensorOf(all, 'pos_embed') }),
  };
}
