/** A state store whose values stay in a GPU's memory: what the host writes is copied up once, what it reads is copied down. */
import type { Tensor } from 'onnxruntime-node';
import type { NamedTensors } from '../../../core/tensors';
import { CompiledState } from './compiled-state';
import type { WebGpuTransfer } from './webgpu-transfer';

function isOnDevice(tensor: Tensor | undefined): tensor is Tensor {
  return tensor?.location === 'gpu-buffer';
}

export class WebGpuState extends CompiledState {
  override readonly device = 'webgpu';

  constructor(
    values: NamedTensors,
    private readonly transfer: WebGpuTransfer,
  ) {
    super(values);
  }

  override replace(name: string, tensor: Tensor): void {
    const former = this.tensors.get(name);
    super.replace(name, tensor);
    if (isOnDevice(former) && former !== tensor) former.dispose();
  }

  /** Brings what the host wrote to where programs read it. */
  async toDevice(names: readonly string[]): Promise<void> {
    for (const name of names) {
      const tensor = this.tensor(name);
      if (!isOnDevice(tensor)) this.replace(name, await this.transfer.toDevice(tensor));
    }
  }

  override dispose(): void {
    for (const tensor of this.tensors.values()) if (isOnDevice(tensor)) tensor.dispose();
    super.dispose();
  }

  protected override async onHost(tensor: Tensor): Promise<Tensor> {
    return isOnDevice(tensor) ? this.transfer.toHost(tensor) : tensor;
  }
}
