/** A state store in memory outside of JavaScript, where kernels read and write it. */
import type { HostTensor, NamedSpecs, NamedTensors, TensorSpec } from '../../../core/tensors';
import { elementCount, specOf } from '../../../core/tensors';
import { checkValue } from '../check-values';
import type { StateStore } from '../engine';
import { HostMemory, type Address } from './host-memory';
import { roomFor } from './memory-plan';

export class NativeState implements StateStore {
  readonly specs: NamedSpecs;
  private readonly offsets = new Map<string, number>();
  private readonly memory: HostMemory;

  constructor(values: NamedTensors) {
    this.specs = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, specOf(value)]));
    for (const [name, value] of Object.entries(values)) checkValue('Initial state', name, value, value);
    let bytes = 0;
    for (const [name, { shape }] of Object.entries(this.specs)) {
      this.offsets.set(name, bytes);
      bytes += roomFor(elementCount(shape));
    }
    this.memory = new HostMemory(bytes);
    for (const [name, { data }] of Object.entries(values)) if (data.some((number) => number !== 0)) this.memory.write(this.offset(name), data);
  }

  address(name: string): Address {
    return this.memory.address + this.offset(name);
  }

  private offset(name: string): number {
    const offset = this.offsets.get(name);
    if (offset === undefined) throw new Error(`The state store holds no "${name}".`);
    return offset;
  }

  read(names: readonly string[] = Object.keys(this.specs)): Promise<NamedTensors> {
    return Promise.resolve(Object.fromEntries(names.map((name) => [name, tensorAt(this.spec(name), this.address(name))])));
  }

  write(values: NamedTensors): Promise<void> {
    for (const [name, value] of Object.entries(values)) {
      checkValue('State', name, this.spec(name), value);
      this.memory.write(this.offset(name), value.data);
    }
    return Promise.resolve();
  }

  dispose(): void {
    this.memory.free();
  }

  private spec(name: string): TensorSpec {
    const spec = this.specs[name];
    if (!spec) throw new Error(`The state store holds no "${name}".`);
    return spec;
  }
}

/** A copy of what lies at an address. */
export function tensorAt({ shape, dtype }: TensorSpec, address: Address): HostTensor {
  const data = dtype === 'float32' ? new Float32Array(elementCount(shape)) : new Int32Array(elementCount(shape));
  HostMemory.copyFrom(address, data);
  return { shape, dtype, data } as HostTensor;
}
