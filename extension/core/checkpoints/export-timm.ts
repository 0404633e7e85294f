/** The student as a file that timm loads strictly. */
import { UserError } from '../problems';
import type { NamedTensors } from '../tensors';
import { writeSafetensors } from './safetensors';
import { timmSpecs, type TeacherShape } from './teacher-shape';
import { vitMetadata } from './vit-metadata';

/**
 * Writes exactly the tensors of `timmSpecs(shape)`, in that order; nothing else that `tensors` may hold, since timm
 * takes a file with a `mask_token` for DINOv2 and one with a key `encoder` for I-JEPA.
 *
 * @param options.head also write `head.weight` [classes, D] and `head.bias`.
 * @throws UserError MIM3010 where a tensor is absent or has another size than the shape demands.
 */
export async function exportTimm(file: string, tensors: NamedTensors, shape: TeacherShape, options: { head?: boolean } = {}): Promise<void> {
  const exported: NamedTensors = {};
  for (const [name, spec] of Object.entries(timmSpecs(shape))) {
    const tensor = tensors[name];
    if (tensor === undefined) throw new UserError('MIM3010', `the model has no tensor ${name} to export`);
    if (tensor.shape.join() !== spec.shape.join()) {
      throw new UserError('MIM3010', `${name} is [${tensor.shape.join(', ')}], but a model of this shape has [${spec.shape.join(', ')}] there`);
    }
    exported[name] = tensor;
  }
  for (const name of options.head ? ['head.weight', 'head.bias'] : []) {
    const tensor = tensors[name];
    if (tensor === undefined) throw new UserError('MIM3010', `the model has no ${name} to export`, 'Only a model trained with labels has a head.');
    exported[name] = tensor;
  }
  await writeSafetensors(file, exported, vitMetadata(shape));
}
