/** The method an experiment asks for. */
import type { TeacherShape } from '../../core/checkpoints/teacher-shape';
import { multiBlockConfig } from '../../core/config/multi-block';
import { readsTeacher } from '../../core/config/method-traits';
import type { ResolvedExperiment } from '../../core/config/schema';
import { UserError } from '../../core/problems';
import type { NamedTensors } from '../../core/tensors';
import { prepareTeacher } from '../teachers/prepare';
import type { MethodTeacher } from '../teachers/sources';
import { averageTeacher, frozenTeacher } from '../teachers/sources';
import { Beit } from './beit';
import { Cae } from './cae';
import { CrossMae } from './crossmae';
import { Data2Vec } from './data2vec';
import { FeatureDistillation } from './feature-distillation';
import { FeatureInpainting } from './feature-inpainting';
import { IJepa } from './ijepa';
import { Mae } from './mae';
import { MaskAlign } from './maskalign';
import { MaskFeat } from './maskfeat';
import type { Method } from './method';
import { Milan } from './milan';
import { SimMim } from './simmim';
import { Supervised } from './supervised';
import { Umt } from './umt';

interface MethodContext {
  /** The imported teacher, as its file holds it. */
  readonly teacher?: { readonly tensors: NamedTensors; readonly shape: TeacherShape };
  /** Classes of the training images; `supervised` needs it. */
  readonly classCount?: number;
}

export function createMethod(experiment: ResolvedExperiment, context: MethodContext): Method {
  const { student, masking, alignment, derived: { keepCount } } = experiment;
  const teacher = (finalNorm: boolean): MethodTeacher => teacherOf(experiment, context, finalNorm);
  const reconstruction = (): NonNullable<ResolvedExperiment['reconstruction']> => resolved(experiment, 'reconstruction');
  switch (experiment.method) {
    case 'maskalign':
      return new MaskAlign({ student, teacher: teacher(false), masking, alignment });
    case 'supervised':
      return new Supervised({ student, classCount: classCountOf(context), supervised: experiment.supervised });
    case 'mae':
      return new Mae({ student, masking, keepCount, decoder: resolved(experiment, 'decoder'), reconstruction: reconstruction(), ...(readsTeacher(experiment) && { teacher: teacher(false) }) });
    case 'crossmae':
      return new CrossMae({ student, masking, keepCount, decoder: resolved(experiment, 'decoder'), reconstruction: reconstruction() });
    case 'maskfeat':
      return new MaskFeat({ student, masking, keepCount, reconstruction: reconstruction() });
    case 'data2vec':
      return new Data2Vec({ student, teacher: teacher(false), masking, keepCount, reconstruction: reconstruction() });
    case 'ijepa':
      return new IJepa({ student, teacher: teacher(true), predictor: resolved(experiment, 'decoder'), masking: multiBlockConfig(masking), keepCount, reconstruction: reconstruction() });
    case 'beit':
      return new Beit({ student, teacher: teacher(true), masking, keepCount, codebook: resolved(experiment, 'codebook'), reconstruction: reconstruction() });
    case 'cae':
      return new Cae({ student, teacher: teacher(true), masking, keepCount, decoder: resolved(experiment, 'decoder'), reconstruction: reconstruction() });
    case 'simmim':
      return new SimMim({ student, masking, keepCount, reconstruction: reconstruction() });
    case 'feature_distillation':
      return new FeatureDistillation({ student, teacher: teacher(true), reconstruction: reconstruction() });
    case 'feature_inpainting':
      return new FeatureInpainting({ student, teacher: teacher(true), masking, keepCount, reconstruction: reconstruction() });
    case 'milan':
      return new Milan({ student, teacher: teacher(true), masking, keepCount, decoder: resolved(experiment, 'decoder'), reconstruction: reconstruction() });
    case 'umt':
      return new Umt({ student, teacher: teacher(true), masking, keepCount, reconstruction: reconstruction() });
    default:
      return experiment.method satisfies never;
  }
}

/** A section that resolving has filled in for this method. */
function resolved<Section extends 'decoder' | 'reconstruction' | 'codebook'>(experiment: ResolvedExperiment, section: Section): NonNullable<ResolvedExperiment[Section]> {
  const value = experiment[section];
  if (!value) throw new Error(`method: ${experiment.method} was resolved without its section ${section}.`);
  return value;
}

function classCountOf({ classCount }: MethodContext): number {
  if (!classCount || classCount < 2) {
    throw new UserError('MIM5006', 'method: supervised needs labelled images of at least two classes.', 'Give data with one folder a class, or a labelled format such as CIFAR.');
  }
  return classCount;
}

function teacherOf({ method, teacher: config, student, data }: ResolvedExperiment, { teacher }: MethodContext, finalNorm: boolean): MethodTeacher {
  if (config?.ema) return averageTeacher(student);
  if (!teacher) {
    throw new UserError('MIM5007', `method: ${method} needs a teacher.`, 'Name a file under teacher.checkpoint, or use teacher.ema to let the average of the student be its teacher.');
  }
  return frozenTeacher(prepareTeacher(teacher, student, data), finalNorm);
}
