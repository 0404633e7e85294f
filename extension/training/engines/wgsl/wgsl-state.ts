/** A state store whose values are buffers of a GPU. */
import type { HostTensor, NamedSpecs, NamedTensors, TensorSpec } from '../../../core/tensors';
import { elementCount, specOf } from '../../../core/tensors';
import { checkValue } from '../check-values';
import type { StateStore } from '../engine';
import { requireBindable } from './bindable';
import type { WgslDevice } from './wgsl-device';

function bytesOf({ shape }: TensorSpec): number {
  return 4 * elementCount(shape);
}

export class WgslState implements StateStore {
  readonly specs: NamedSpecs;
  /** Rejects where the values did not fit. */
  readonly ready: Promise<void>;
  private readonly buffers = new Map<string, GPUBuffer>();

  /** @throws UserError MIM4015 where a value is larger than one may be on this GPU */
  constructor(
    private readonly device: WgslDevice,
    values: NamedTensors,
  ) {
    this.specs = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, specOf(value)]));
    for (const [name, value] of Object.entries(values)) checkValue('Initial state', name, value, value);
    requireBindable(this.specs, device.mostBytes);
    this.ready = device.checked('its state was copied there', () => {
      for (const [name, value] of Object.entries(values)) this.buffers.set(name, device.bufferOf(value.data));
    });
    // Told by whoever waits for it.
    this.ready.catch(() => undefined);
  }

  buffer(name: string): GPUBuffer {
    const buffer = this.buffers.get(name);
    if (!buffer) throw new Error(`The state store holds no "${name}".`);
    return buffer;
  }

  async read(names: readonly string[] = Object.keys(this.specs)): Promise<NamedTensors> {
    await this.ready;
    const specs = names.map((name) => this.spec(name));
    const copies = await this.device.checked('values were copied from it', () => this.device.read(names.map((name, i) => ({ buffer: this.buffer(name), bytes: bytesOf(specs[i]!) }))));
    return Object.fromEntries(names.map((name, i) => [name, hostTensor(specs[i]!, copies[i]!)]));
  }

  async write(values: NamedTensors): Promise<void> {
    await this.ready;
    for (const [name, value] of Object.entries(values)) {
      checkValue('State', name, this.spec(name), value);
      await this.device.checked('values were copied to it', () => this.device.write(this.buffer(name), value.data));
    }
  }

  dispose(): void {
    for (const buffer of this.buffers.values()) buffer.destroy();
    this.buffers.clear();
  }

  private spec(name: string): TensorSpec {
    const spec = this.specs[name];
    if (!spec) throw new Error(`The state store holds no "${name}".`);
    return spec;
  }
}

export function hostTensor({ shape, dtype }: TensorSpec, bytes: ArrayBuffer): HostTensor {
  return dtype === 'float32' ? { shape, dtype, data: new Float32Array(bytes) } : { shape, dtype, data: new Int32Array(bytes) };
}
