/** A student that starts from weights that are there instead of random ones. */
import { importTeacher } from '../core/checkpoints/import-teacher';
import type { ResolvedExperiment } from '../core/config/schema';
import { localWeights, type FetchOptions } from '../core/hub/fetch-weights';
import { UserError } from '../core/problems';
import type { NamedTensors } from '../core/tensors';
import { vitSpecs } from './nn/vit';

/**
 * The student's tensors from `init.checkpoint`, under timm's names; undefined where the experiment does not name one.
 * @param fetching who hears of weights that are downloaded
 * @throws UserError MIM30xx where the file cannot be read, MIM31xx where it cannot be downloaded, MIM8006 where it is not of the student's dimensions
 */
export async function initialStudent({ init, student }: Pick<ResolvedExperiment, 'init' | 'student'>, fetching: FetchOptions = {}): Promise<NamedTensors | undefined> {
  if (init === undefined) return undefined;
  const { tensors, shape } = await importTeacher(await localWeights(init.checkpoint, fetching), { usualHeads: student.heads });
  const fault = unlike(shape.heads !== student.heads, `${shape.heads} heads`) ?? unlike(shape.prenorm || shape.layerScale || shape.relativePositions || shape.registers > 0 || shape.mlp !== 'mlp', 'parts that a student has not (registers, layer scale, relative positions, a norm before the blocks or a gated MLP)');
  if (fault !== undefined) throw misfit(init.checkpoint, fault);
  const found: NamedTensors = {};
  for (const [name, { shape: wanted }] of Object.entries(vitSpecs(student))) {
    const tensor = tensors[name];
    if (tensor === undefined) throw misfit(init.checkpoint, `no ${name}`);
    if (tensor.shape.join() !== wanted.join()) throw misfit(init.checkpoint, `${name} of [${tensor.shape.join(', ')}] where the student has [${wanted.join(', ')}]`);
    found[name] = tensor;
  }
  return found;
}

function unlike(differs: boolean, what: string): string | undefined {
  return differs ? what : undefined;
}

function misfit(file: string, has: string): UserError {
  return new UserError('MIM8006', `The student cannot start from ${file}: it has ${has}.`, 'Set `student` to the dimensions of the checkpoint; `mim inspect` shows them.', 2);
}
