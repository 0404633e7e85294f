/** The cases of fixtures/make_fixtures.py: the same weights and batches from names, and what PyTorch made of them. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { readSafetensors } from '../../extension/core/checkpoints/safetensors';
import type { TeacherShape } from '../../extension/core/checkpoints/teacher-shape';
import { timmSpecs } from '../../extension/core/checkpoints/teacher-shape';
import { readsTeacher } from '../../extension/core/config/method-traits';
import type { ExperimentInput, ResolvedExperiment, VitShape } from '../../extension/core/config/schema';
import type { HostTensor, NamedTensors } from '../../extension/core/tensors';
import { elementCount, float32, int32 } from '../../extension/core/tensors';
import { createMethod } from '../../extension/training/methods/create';
import type { Method } from '../../extension/training/methods/method';
import { dropRates } from '../../extension/training/nn/drop-path';
import { experiment, scalar } from '../unit/model/experiments';

export interface ParityCase {
  readonly name: string;
  readonly method: ExperimentInput['method'];
  readonly student: VitShape;
  readonly teacher: TeacherShape | null;
  readonly alignment?: ExperimentInput['alignment'];
  readonly masking?: ExperimentInput['masking'];
  readonly optimizer: NonNullable<ExperimentInput['optimizer']> & { batch_size: number; accumulate: number; lr: number };
  readonly supervised?: ExperimentInput['supervised'];
  /** Of methods that reconstruct: patches that stay visible. */
  readonly keep?: number;
  readonly decoder?: ExperimentInput['decoder'];
  readonly reconstruction?: ExperimentInput['reconstruction'];
  readonly codebook?: ExperimentInput['codebook'];
  readonly classes?: number;
  readonly ema_momentum?: number;
  /** Of `multi_block`: patches of a target. */
  readonly target_size?: number;
  readonly losses: readonly number[];
  readonly level_losses?: readonly (readonly number[])[];
  readonly level_cosines?: readonly (readonly number[])[];
  readonly grad_norms: readonly number[];
  readonly accuracies?: readonly number[];
  readonly cosines?: readonly number[];
}

const fixtures = fileURLToPath(new URL('./fixtures/', import.meta.url));

export const parityCases = JSON.parse(readFileSync(`${fixtures}cases.json`, 'utf8')) as ParityCase[];

export async function expectedTensors(name: string): Promise<NamedTensors> {
  return (await readSafetensors(`${fixtures}${name}.safetensors`)).tensors;
}

/** Numbers in [−1, 1): FNV-1a of the name seeds a 32-bit linear congruential generator. */
export function values(name: string, count: number): Float32Array {
  let state = 0x811c9dc5;
  for (const character of name) state = Math.imul(state ^ character.charCodeAt(0), 0x01000193) >>> 0;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

export function made(name: string, shape: readonly number[]): HostTensor {
  const data = values(name, elementCount(shape));
  const columns = shape[1] ?? 0;
  if (name.endsWith('alignment_weights')) return float32(shape, data.map((value, i) => 0.3 * value + (Math.floor(i / columns) === i % columns ? 1 : 0)));
  if (shape.length > 1) return float32(shape, data.map((value) => 0.5 * value));
  const isScale = name.endsWith('gamma') || (/[._]norm/.test(name) && name.endsWith('weight'));
  return float32(shape, data.map((value) => (isScale ? 1 : 0) + 0.25 * value));
}

export function parityExperiment({ method, student, alignment, masking, optimizer, supervised, decoder, reconstruction, codebook, teacher, keep }: ParityCase): ResolvedExperiment {
  const source = teacher ? { checkpoint: 'teacher' } : { ema: {} };
  const resolved = experiment({ method, alignment, masking, optimizer, supervised, decoder, reconstruction, codebook, ...(readsTeacher({ method, masking: { strategy: masking?.strategy ?? '' } }) ? { teacher: source } : {}) }, student);
  if (keep !== undefined && resolved.derived.keepCount !== keep) throw new Error(`The masking keeps ${resolved.derived.keepCount} patches, the fixture ${keep}.`);
  return resolved;
}

export function parityMethod(parityCase: ParityCase, resolved: ResolvedExperiment): Method {
  const { teacher, classes } = parityCase;
  if (!teacher) return createMethod(resolved, { classCount: classes });
  const tensors = Object.fromEntries(Object.entries(timmSpecs(teacher)).map(([name, { shape }]) => [name, made(`teacher.${name}`, shape)]));
  return createMethod(resolved, { teacher: { tensors, shape: teacher } });
}

/** Parameters under the product's names. */
export function parityParameters(method: Method): NamedTensors {
  return Object.fromEntries(
    Object.entries(method.parameters).map(([name, { shape }]) => {
      const reference = name.startsWith('method.') ? name.slice('method.'.length) : name.startsWith('head.') ? name : `student.${name}`;
      return [name, made(reference, shape)];
    }),
  );
}

/** Batch inputs of one optimizer step, as one batch of everything. */
export function parityBatch({ student, masking, keep: visible, optimizer, classes, ema_momentum: momentum, target_size: targetSize = 0 }: ParityCase, step: number): Record<string, HostTensor> {
  const batch = optimizer.batch_size;
  const { imageSize, patchSize, depth, dropPath } = student;
  const patches = (imageSize / patchSize) ** 2;
  const keep = visible ?? Math.trunc(patches * (1 - (masking?.ratio ?? 0)));
  const noise = values(`noise ${step}`, batch * patches);
  const orders = Array.from({ length: batch }, (_, image) => {
    const keys = noise.subarray(image * patches, (image + 1) * patches);
    return Array.from(keys.keys()).sort((a, b) => keys[b]! - keys[a]!);
  });
  const targets = (masking?.num_pred_masks ?? 0) * targetSize;
  const drawn = values(`drop ${step}`, 2 * depth * batch);
  const rates = dropRates(dropPath, depth);
  return {
    images: float32([batch, 3, imageSize, imageSize], values(`images ${step}`, batch * 3 * imageSize * imageSize).map((value) => 2 * value)),
    gumbel: float32([batch, patches], noise),
    keep_ids: int32([batch, keep], Int32Array.from(orders.flatMap((order) => order.slice(0, keep)))),
    target_ids: int32([batch, targets], Int32Array.from(orders.flatMap((order) => order.slice(keep, keep + targets)))),
    masked_ids: int32([batch, patches - keep], Int32Array.from(orders.flatMap((order) => order.slice(keep)))),
    drop_path: float32([2 * depth, batch], drawn.map((value, i) => {
      const rate = rates[Math.floor(i / (2 * batch))]!;
      return value > 2 * rate - 1 ? 1 / (1 - rate) : 0;
    })),
    labels: int32([batch], Int32Array.from({ length: batch }, (_, i) => (3 * i + step) % (classes ?? 1))),
    lr: scalar(optimizer.lr),
    step: scalar(step + 1),
    ema_momentum: scalar(momentum ?? 0),
  };
}

/** Images `from` to `to` of a batch. */
export function sliceBatch(batch: Record<string, HostTensor>, total: number, from: number, to: number): Record<string, HostTensor> {
  return Object.fromEntries(
    Object.entries(batch).map(([name, tensor]) => {
      if (tensor.shape.length === 0) return [name, tensor];
      const axis = name === 'drop_path' ? 1 : 0;
      const rows = axis === 0 ? 1 : tensor.shape[0]!;
      const perImage = elementCount(tensor.shape) / rows / total;
      const parts = Array.from({ length: rows }, (_, row) => Array.from(tensor.data.subarray((row * total + from) * perImage, (row * total + to) * perImage)));
      const shape = tensor.shape.map((size, i) => (i === axis ? to - from : size));
      return [name, tensor.dtype === 'int32' ? int32(shape, Int32Array.from(parts.flat())) : float32(shape, Float32Array.from(parts.flat()))];
    }),
  );
}

/** The largest deviation, in units of the reference's largest value. What is added to every key has no gradient in theory, and is left out. */
export function deviation(name: string, actual: HostTensor, expected: HostTensor): number {
  if (name.endsWith('norm1_k.bias')) return 0;
  const third = expected.data.length / 3;
  let worst = 0;
  let scale = 0;
  expected.data.forEach((value, i) => {
    if (name.endsWith('attn.qkv.bias') && i >= third && i < 2 * third) return;
    worst = Math.max(worst, Math.abs(actual.data[i]! - value));
    scale = Math.max(scale, Math.abs(value));
  });
  return scale === 0 ? worst : worst / scale;
}

export function withPrefix(tensors: NamedTensors, prefix: string): [string, HostTensor][] {
  return Object.entries(tensors).flatMap(([name, tensor]) => (name.startsWith(prefix) ? [[name.slice(prefix.length), tensor]] : []));
}
