/** A state store whose values are tensors of one TensorFlow.js backend. */
import * as tf from '@tensorflow/tfjs-core';
import type { HostTensor, NamedSpecs, NamedTensors } from '../../../core/tensors';
import { specOf } from '../../../core/tensors';
import { checkValue } from '../check-values';
import type { StateStore } from '../engine';
import { onBackend } from '../tfjs-backend';

/** A tensor outside every tidy scope, over its own copy of the values. */
export function keptTensor(value: HostTensor): tf.Tensor {
  return tf.keep(tf.tensor(value.data.slice(), value.shape.slice(), value.dtype));
}

/** Copies a tensor to the host. Only float32 and int32 leave an engine. */
async function toHost(tensor: tf.Tensor): Promise<HostTensor> {
  const values = await tensor.data();
  const shape = tensor.shape.slice();
  if (tensor.dtype === 'float32') return { shape, dtype: 'float32', data: Float32Array.from(values) };
  return { shape, dtype: 'int32', data: Int32Array.from(values) };
}

export async function namedToHost(tensors: Readonly<Record<string, tf.Tensor>>): Promise<Record<string, HostTensor>> {
  const entries = Object.entries(tensors).map(async ([name, tensor]): Promise<[string, HostTensor]> => [name, await toHost(tensor)]);
  return Object.fromEntries(await Promise.all(entries));
}

export class EagerState implements StateStore {
  private readonly tensors = new Map<string, tf.Tensor>();
  readonly specs: NamedSpecs;

  constructor(
    readonly backend: string,
    values: NamedTensors,
  ) {
    this.specs = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, specOf(value)]));
    onBackend(backend, () => {
      for (const [name, value] of Object.entries(values)) {
        checkValue('Initial state', name, value, value);
        this.tensors.set(name, keptTensor(value));
      }
    });
  }

  tensor(name: string): tf.Tensor {
    const tensor = this.tensors.get(name);
    if (!tensor) throw new Error(`The state store holds no "${name}".`);
    return tensor;
  }

  /** Takes ownership of `tensor` and frees the former value. Must run on the store's backend. */
  replace(name: string, tensor: tf.Tensor): void {
    const former = this.tensor(name);
    this.tensors.set(name, tf.keep(tensor));
    former.dispose();
  }

  async read(names: readonly string[] = [...this.tensors.keys()]): Promise<NamedTensors> {
    return namedToHost(Object.fromEntries(names.map((name) => [name, this.tensor(name)])));
  }

  async write(values: NamedTensors): Promise<void> {
    onBackend(this.backend, () => {
      for (const [name, value] of Object.entries(values)) {
        const spec = this.specs[name];
        if (!spec) throw new Error(`The state store holds no "${name}".`);
        checkValue('State', name, spec, value);
        this.replace(name, keptTensor(value));
      }
    });
  }

  dispose(): void {
    for (const tensor of this.tensors.values()) tensor.dispose();
    this.tensors.clear();
  }
}
