/** A state store whose values are tensors that ONNX Runtime reads in place. */
import { Tensor } from 'onnxruntime-node';
import type { HostTensor, NamedSpecs, NamedTensors, TensorSpec } from '../../../core/tensors';
import { specOf } from '../../../core/tensors';
import { checkValue } from '../check-values';
import type { StateStore } from '../engine';
import type { Device } from './device';

/** An ONNX Runtime tensor over the given memory. */
export function onnxTensor({ data, shape, dtype }: HostTensor): Tensor {
  return dtype === 'float32' ? new Tensor('float32', data as Float32Array, shape) : new Tensor('int32', data as Int32Array, shape);
}

/** Zeros, which moments begin as, take no memory before they are first written. */
function copied(data: HostTensor['data']): HostTensor['data'] {
  if (data.some((value) => value !== 0 || Object.is(value, -0))) return data.slice();
  return data instanceof Float32Array ? new Float32Array(data.length) : new Int32Array(data.length);
}

export class CompiledState implements StateStore {
  readonly device: Device = 'cpu';
  readonly specs: NamedSpecs;
  protected readonly tensors = new Map<string, Tensor>();

  constructor(values: NamedTensors) {
    this.specs = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, specOf(value)]));
    for (const [name, value] of Object.entries(values)) {
      checkValue('Initial state', name, value, value);
      this.tensors.set(name, onnxTensor({ ...value, data: copied(value.data) }));
    }
  }

  tensor(name: string): Tensor {
    const tensor = this.tensors.get(name);
    if (!tensor) throw new Error(`The state store holds no "${name}".`);
    return tensor;
  }

  /** Takes the tensor as the entry's new value. */
  replace(name: string, tensor: Tensor): void {
    this.tensors.set(name, tensor);
  }

  async read(names: readonly string[] = [...this.tensors.keys()]): Promise<NamedTensors> {
    const read: Record<string, HostTensor> = {};
    for (const name of names) {
      const { shape, dtype } = this.spec(name);
      const data = (await this.onHost(this.tensor(name))).data as Float32Array | Int32Array;
      read[name] = { shape, dtype, data: data.slice() };
    }
    return read;
  }

  async write(values: NamedTensors): Promise<void> {
    for (const [name, value] of Object.entries(values)) {
      checkValue('State', name, this.spec(name), value);
      this.replace(name, onnxTensor({ ...value, data: value.data.slice() }));
    }
  }

  dispose(): void {
    this.tensors.clear();
  }

  /** The tensor itself, or a copy in the host's memory. */
  protected onHost(tensor: Tensor): Promise<Tensor> {
    return Promise.resolve(tensor);
  }

  private spec(name: string): TensorSpec {
    const spec = this.specs[name];
    if (!spec) throw new Error(`The state store holds no "${name}".`);
    return spec;
  }
}
