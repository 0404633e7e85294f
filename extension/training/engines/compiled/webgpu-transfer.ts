/**
 * Copies between the host's memory and a GPU's, by models that only hand a value on: `Tensor.getData` of a tensor on the GPU
 * ends the process in onnxruntime-node 1.30, and there is no call that copies up.
 */
import { InferenceSession } from 'onnxruntime-node';
import type { Tensor } from 'onnxruntime-node';
import { OnnxGraph, writeModel } from './onnx-writer';
import type { OnnxType } from './onnx-writer';
import { sessionOptions } from './session-options';

type Place = 'cpu' | 'gpu-buffer';

export class WebGpuTransfer {
  private readonly sessions = new Map<string, Promise<InferenceSession>>();

  async toDevice(tensor: Tensor): Promise<Tensor> {
    return this.copy(tensor, 'gpu-buffer');
  }

  async toHost(tensor: Tensor): Promise<Tensor> {
    return this.copy(tensor, 'cpu');
  }

  private async copy(value: Tensor, to: Place): Promise<Tensor> {
    const session = await this.session(value.type as OnnxType, to);
    return (await session.run({ value }))['copy'] as Tensor;
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
    for (const session of this.sessions.values()) await (await session).release();
    this.sessions.clear();
  }
}
