/** A GPU through Dawn, and what every program on it shares: compiled pipelines, copies to and from the host. */
/// <reference types="@webgpu/types" />
import type { HostTensor } from '../../../core/tensors';
import { onGpu } from '../gpu-errors';
import type { Dawn } from '../installed/dawn';

const FAULTS: readonly GPUErrorFilter[] = ['validation', 'internal', 'out-of-memory'];

/** Of copies to the host; a value that is larger has a copy of its own. A training's state may be larger than a buffer may be. */
const COPY_BYTES = 2 ** 28;

/** Timers are no finer. */
const LEAST_SLEEP_MS = 2;

interface Copied {
  readonly buffer: GPUBuffer;
  readonly bytes: number;
}

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

  /** @param dawn held by all that works on the device: it ends with the last reference to it, devices or not */
  constructor(
    readonly gpu: GPUDevice,
    readonly dawn: Dawn,
  ) {
    void gpu.lost.then((info) => (this.lost = info));
  }

  /** Bytes that a kernel can be bound to at once, the most that one value may have. */
  get mostBytes(): number {
    const { maxStorageBufferBindingSize, maxBufferSize } = this.gpu.limits;
    return Math.min(maxStorageBufferBindingSize, maxBufferSize);
  }

  /**
   * Does what may use up the memory or lose the device: such errors are not thrown where they happen. They are those of what `work`
   * asks for before it first waits, since others work meanwhile; what it waits for later throws by itself.
   * @param doing as `it ran "training step"`
   */
  async checked<Result>(doing: string, work: () => Result | Promise<Result>): Promise<Result> {
    return onGpu(doing, async () => {
      for (const fault of FAULTS) this.gpu.pushErrorScope(fault);
      const doneLater = settled(work);
      const faults = FAULTS.map(() => this.gpu.popErrorScope().catch(() => null));
      const done = await doneLater;
      const fault = (await Promise.all(faults)).find((one) => one !== null);
      // What was thrown because of these says less; and what a lost device gives are not its numbers.
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
    // There may be room for it later.
    compiled.catch(() => this.pipelines.delete(code));
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

  /**
   * The first `bytes` of each buffer, all as they are now, in the host's memory.
   * @param busyMs for how long the GPU will have something to do first, as far as that is known. Dawn waits by asking again and again,
   *   which takes a core from the threads that make the next batches; so it is asked later.
   */
  async read(buffers: readonly Copied[], busyMs = 0): Promise<ArrayBuffer[]> {
    const encoder = this.gpu.createCommandEncoder();
    const copies = inCopies(buffers).map((group) => this.copy(encoder, group));
    this.gpu.queue.submit([encoder.finish()]);
    if (busyMs >= LEAST_SLEEP_MS) await new Promise((resolve) => setTimeout(resolve, busyMs));
    try {
      const parts: ArrayBuffer[] = [];
      for (const { staging, ends } of copies) {
        await staging.mapAsync(GPUMapMode.READ);
        const mapped = staging.getMappedRange();
        parts.push(...ends.map((end, i) => mapped.slice(ends[i - 1] ?? 0, end)));
        staging.destroy();
      }
      return parts;
    } finally {
      for (const { staging } of copies) staging.destroy();
    }
  }

  /** Into one buffer that the host can read; `ends` says where each ends there. */
  private copy(encoder: GPUCommandEncoder, group: readonly Copied[]): { readonly staging: GPUBuffer; readonly ends: readonly number[] } {
    const total = group.reduce((sum, { bytes }) => sum + bytes, 0);
    const staging = this.gpu.createBuffer({ size: Math.max(4, total), usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
    let offset = 0;
    const ends = group.map(({ buffer, bytes }) => {
      if (bytes > 0) encoder.copyBufferToBuffer(buffer, 0, staging, offset, bytes);
      return (offset += bytes);
    });
    return { staging, ends };
  }
}

/** In their order, as many together as a copy holds. */
function inCopies(buffers: readonly Copied[]): Copied[][] {
  const groups: Copied[][] = [];
  let room = 0;
  for (const one of buffers) {
    if (groups.length === 0 || one.bytes > room) {
      groups.push([]);
      room = COPY_BYTES;
    }
    groups.at(-1)!.push(one);
    room -= one.bytes;
  }
  return groups;
}
