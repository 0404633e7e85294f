/** The method an experiment asks for. */
import type { TeacherShape } from '../../core/checkpoints/teacher-shape';
import type { ResolvedExperiment } from '../../core/config/schema';
import { UserError } from '../../core/problems';
import type { NamedTensors } from '../../core/tensors';
import { prepareTeacher } from '../teachers/prepare';
import { averageTeacher, frozenTeacher } from '../teachers/sources';
import type { MaskAlignTeacher } from './maskalign';
import { MaskAlign } from './maskalign';
import type { Method } from './method';
import { Supervised } from './supervised';

interface MethodContext {
  /** The imported teacher, as its file holds it. */
  readonly teacher?: { readonly tensors: NamedTensors; readonly shape: TeacherShape };
  /** Classes of the training images; `supervised` needs it. */
  readonly classCount?: number;
}

export function createMethod(experiment: ResolvedExperiment, context: MethodContext): Method {
  switch (experiment.method) {
    case 'maskalign':
      return new MaskAlign({
        student: experiment.student,
        teacher: maskAlignTeacher(experiment, context),
        masking: experiment.masking,
        alignment: experiment.alignment,
      });
    case 'supervised': {
      if (!context.classCount || context.classCount < 2) {
        throw new UserError('MIM5006', 'method: supervised needs labelled images of at least two classes.', 'Give data with one folder a class, or a labelled format such as CIFAR.');
      }
      return new Supervised({ student: experiment.student, classCount: context.classCount, supervised: experiment.supervised });
    }
    default:
      return experiment.method satisfies never;
  }
}

function maskAlignTeacher(experiment: ResolvedExperiment, { teacher }: MethodContext): MaskAlignTeacher {
  if (experiment.teacher?.ema) return averageTeacher(experiment.student);
  if (!teacher) {
    throw new UserError('MIM5007', 'method: maskalign needs a teacher.', 'Name a file under teacher.checkpoint, or use teacher.ema to let the average of the student be its teacher.');
  }
  return frozenTeacher(prepareTeacher(teacher, experiment.student, experiment.data));
}
