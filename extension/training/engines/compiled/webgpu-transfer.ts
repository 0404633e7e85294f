/**
 * Copies between the host's memory and a GPU's, by models that only hand a value on: `Tensor.getData` of a tensor on the GPU
 * ends the process in onnxruntime-node 1.30, and there is no call that copies up.
 */
import { InferenceSession } from 'onnxruntime-node';
import type { Tensor } from 'onnxruntime-node';
import { UserError } from '../../../core/problems';
import { deviceAtWork, type TakenDevice } from '../devices/take-vulkan';
import { gpuNames } from '../gpu-devices';
import { vulkanCheck } from '../installed/vulkan-loader';
import { noGpu, onGpu } from '../gpu-errors';
import { OnnxGraph, writeModel } from './onnx-writer';
import type { OnnxType } from './onnx-writer';
import { sessionOptions } from './session-options';
import type { WebGpuState } from './webgpu-state';

type Place = 'cpu' | 'gpu-buffer';

/**
 * Those that are not disposed. A value on the GPU is freed by way of the session that made it, also when it is collected as
 * garbage, and the process ends there if that session is gone; what is garbage together is collected in any order.
 */
const undisposed = new Set<WebGpuTransfer>();

export class WebGpuTransfer {
  /** Those that may hold values on the GPU. */
  readonly states = new Set<WebGpuState>();
  private readonly sessions = new Map<string, Promise<InferenceSession>>();

  private constructor(
    /** As the driver or the system calls it. */
    readonly gpu: string,
  ) {}

  /** Opens the GPU, which ONNX Runtime does once a process. @param taken what the environment has first; absent: nothing was asked for @throws UserError MIM4007 where there is none that WebGPU reaches */
  static async open(taken?: TakenDevice): Promise<WebGpuTransfer> {
    // Asked first: Dawn writes to stderr where it finds no loader.
    const vulkan = await vulkanCheck();
    if (!vulkan.ok) throw new UserError('MIM4007', `${vulkan.detail}. ${vulkan.hint}`);
    const transfer = new WebGpuTransfer(taken?.text ?? (await deviceAtWork()) ?? (gpuNames().join(', ') || 'unknown'));
    try {
      await transfer.session('float32', 'gpu-buffer');
    } catch (error) {
      throw noGpu(error);
    }
    undisposed.add(transfer);
    return transfer;
  }

  /** A new value, whose session is this one's, whoever made the given one. */
  async toDevice(tensor: Tensor): Promise<Tensor> {
    return this.copy(tensor, 'gpu-buffer');
  }

  async toHost(tensor: Tensor): Promise<Tensor> {
    return this.copy(tensor, 'cpu');
  }

  private async copy(value: Tensor, to: Place): Promise<Tensor> {
    return onGpu(to === 'cpu' ? 'values were copied from it' : 'values were copied to it', async () => {
      const session = await this.session(value.type as OnnxType, to);
      return (await session.run({ value }))['copy'] as Tensor;
    });
  }

  private session(dtype: OnnxType, to: Place): Promise<InferenceSession> {
    const key = `${dtype} ${to}`;
    const known = this.sessions.get(key);
    if (known) return known;
    const graph = new OnnxGraph('copy');
    graph.input('value', dtype);
    graph.node('Identity', ['value'], ['copy']);
    graph.output('copy', dtype);
    const opened = InferenceSession.create(writeModel(graph), { ...sessionOptions('webgpu', 1), preferredOutputLocation: { copy: to } });
    this.sessions.set(key, opened);
    return opened;
  }

  async dispose(): Promise<void> {
    for (const state of this.states) state.dispose();
    for (const session of this.sessions.values()) await (await session).release();
    this.sessions.clear();
    undisposed.delete(this);
  }
}
