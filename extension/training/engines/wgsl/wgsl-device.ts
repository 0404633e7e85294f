/** A GPU through Dawn, and what every program on it shares: compiled pipelines, copies to and from the host. */
/// <reference types="@webgpu/types" />
import type { HostTensor } from '../../../core/tensors';
import { onGpu } from '../gpu-errors';

const FAULTS: readonly GPUErrorFilter[] = ['validation', 'internal', 'out-of-memory'];

/** `work` begins at once. */
async function settled<Result>(work: () => Result | Promise<Result>): Promise<{ readonly value: Result } | { readonly error: unknown }> {
  try {
    return { value: await work() };
  } catch (error) {
    return { error };
  }
}

export class WgslDevice {
  private readonly pipelines = new Map<string, Promise<GPUComputePipeline>>();
  private lost?: GPUDeviceLostInfo;

  constructor(readonly gpu: GPUDevice) {
    void gpu.lost.then((info) => (this.lost = info));
  }

  /**
   * Does what may use up the memory or lose the device: such errors are not thrown where they happen.
   * @param doing as `it ran "training step"`
   */
  async checked<Result>(doing: string, work: () => Result | Promise<Result>): Promise<Result> {
    return onGpu(doing, async () => {
      for (const fault of FAULTS) this.gpu.pushErrorScope(fault);
      const done = await settled(work);
      const fault = (await Promise.all(FAULTS.map(() => this.gpu.popErrorScope().catch(() => null)))).find((one) => one !== null);
      // What was thrown because of these says less.
      if (this.lost) throw new Error(`Device lost: ${this.lost.message}`);
      if (fault) throw new Error(fault instanceof GPUOutOfMemoryError ? `Out of memory: ${fault.message}` : fault.message);
      if ('error' in done) throw done.error;
      return done.value;
    });
  }

  /** Kernels of the same text share a pipeline, over all programs. */
  pipeline(code: string): Promise<GPUComputePipeline> {
    const known = this.pipelines.get(code);
    if (known) return known;
    const compiled = this.compile(code);
    this.pipelines.set(code, compiled);
    return compiled;
  }

  private async compile(code: string): Promise<GPUComputePipeline> {
    const module = this.gpu.createShaderModule({ code });
    const wrong = (await module.getCompilationInfo()).messages.find(({ type }) => type === 'error');
    if (wrong) throw new Error(`A kernel does not compile: ${wrong.message}\n${code.split('\n')[wrong.lineNum - 1] ?? ''}`);
    return this.gpu.createComputePipelineAsync({ layout: 'auto', compute: { module, entryPoint: 'main' } });
  }

  buffer(bytes: number): GPUBuffer {
    // Vectors of four are bound to buffers of no less than one.
    const size = Math.max(16, Math.ceil(bytes / 16) * 16);
    return this.gpu.createBuffer({ size, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST });
  }

  bufferOf(data: HostTensor['data']): GPUBuffer {
    const buffer = this.buffer(data.byteLength);
    this.write(buffer, data);
    return buffer;
  }

  write(buffer: GPUBuffer, data: HostTensor['data']): void {
    this.gpu.queue.writeBuffer(buffer, 0, data as Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer>);
  }

  /** The first `bytes` of each buffer, in the host's memory. */
  async read(buffers: readonly { readonly buffer: GPUBuffer; readonly bytes: number }[]): Promise<ArrayBuffer[]> {
    const total = buffers.reduce((sum, { bytes }) => sum + bytes, 0);
    const staging = this.gpu.createBuffer({ size: Math.max(4, total), usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
    const encoder = this.gpu.createCommandEncoder();
    let offset = 0;
    const parts = buffers.map(({ buffer, bytes }) => {
      if (bytes > 0) encoder.copyBufferToBuffer(buffer, 0, staging, offset, bytes);
      offset += bytes;
      return { from: offset - bytes, until: offset };
    });
    this.gpu.queue.submit([encoder.finish()]);
    try {
      await staging.mapAsync(GPUMapMode.READ);
      const mapped = staging.getMappedRange();
      return parts.map(({ from, until }) => mapped.slice(from, until));
    } finally {
      staging.destroy();
    }
  }
}
