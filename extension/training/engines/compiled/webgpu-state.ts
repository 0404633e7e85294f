/** A state store whose values stay in a GPU's memory: what the host writes is copied up once, what it reads is copied down. */
import type { InferenceSession, Tensor } from 'onnxruntime-node';
import type { NamedTensors } from '../../../core/tensors';
import { CompiledState } from './compiled-state';
import type { WebGpuTransfer } from './webgpu-transfer';

function isOnDevice(tensor: Tensor | undefined): tensor is Tensor {
  return tensor?.location === 'gpu-buffer';
}

export class WebGpuState extends CompiledState {
  override readonly device = 'webgpu';
  /** Of values that a program made: its session, which must not end before they do. */
  private readonly makers = new Map<string, InferenceSession>();

  constructor(
    values: NamedTensors,
    private readonly transfer: WebGpuTransfer,
  ) {
    super(values);
    transfer.states.add(this);
  }

  override replace(name: string, tensor: Tensor, maker?: InferenceSession): void {
    const former = this.tensors.get(name);
    super.replace(name, tensor);
    if (maker) this.makers.set(name, maker);
    else this.makers.delete(name);
    if (isOnDevice(former) && former !== tensor) former.dispose();
  }

  /** Brings what the host wrote to where programs read it. */
  async toDevice(names: readonly string[]): Promise<void> {
    for (const name of names) {
      const tensor = this.tensor(name);
      if (!isOnDevice(tensor)) this.replace(name, await this.transfer.toDevice(tensor));
    }
  }

  /** Copies what a session made, so that it may end. */
  async outlive(session: InferenceSession): Promise<void> {
    for (const [name, maker] of [...this.makers]) if (maker === session) this.replace(name, await this.transfer.toDevice(this.tensor(name)));
  }

  override dispose(): void {
    for (const tensor of this.tensors.values()) if (isOnDevice(tensor)) tensor.dispose();
    this.makers.clear();
    this.transfer.states.delete(this);
    super.dispose();
  }

  protected override async onHost(tensor: Tensor): Promise<Tensor> {
    return isOnDevice(tensor) ? this.transfer.toHost(tensor) : tensor;
  }
}
