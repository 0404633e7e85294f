/** A program as kernels on a GPU: every step the same commands over the same buffers, new batches written in, readings copied out. */
import type { NamedTensors, TensorSpec } from '../../../core/tensors';
import { elementCount } from '../../../core/tensors';
import { checkedBatch, checkState } from '../check-values';
import type { Graph, ValueId } from '../compiled/ir';
import { valueOf } from '../compiled/ir';
import type { CompiledProgram, HostBatch, Program, ProgramInterface, Readings, StateStore } from '../engine';
import { interfaceOf } from '../engine';
import { requireRoomForEach } from './bindable';
import type { Products } from './matmul-kernel';
import { shareMemory } from './memory';
import { planOf, type Plan } from './plan';
import type { WgslDevice } from './wgsl-device';
import { hostTensor, WgslState } from './wgsl-state';

interface Reading {
  readonly name: string;
  readonly spec: TensorSpec;
  readonly value: ValueId;
  readonly bytes: number;
  /** In the readings of one step. */
  readonly offset: number;
}

/** Of a run as long as the quickest one, the part after which its end is awaited. */
const SURELY_BUSY = 0.8;

/** What a state store is bound to: commands of one step. */
interface Bound {
  readonly groups: readonly GPUBindGroup[];
  /** From where new values are copied to where the state is. */
  readonly copies: readonly { readonly from: GPUBuffer; readonly to: GPUBuffer; readonly bytes: number }[];
  buffer(id: ValueId): GPUBuffer;
}

export class WgslProgram implements CompiledProgram {
  private readonly readings: readonly Reading[];
  private readonly readingBytes: number;
  /** Of the quickest run so far; 0 before the first. */
  private stepMs = 0;
  private readonly bound = new WeakMap<WgslState, Bound>();

  private constructor(
    private readonly device: WgslDevice,
    readonly program: ProgramInterface,
    private readonly graph: Graph,
    private readonly plan: Plan,
    private readonly pipelines: readonly GPUComputePipeline[],
    private readonly buffers: ReadonlyMap<ValueId, GPUBuffer>,
  ) {
    let offset = 0;
    this.readings = graph.outputs.filter(({ kind }) => kind === 'reading').map(({ name, value }) => {
      const { shape, dtype } = valueOf(graph, value);
      const bytes = 4 * elementCount(shape);
      offset += bytes;
      return { name, spec: { shape, dtype: dtype === 'float32' ? 'float32' : 'int32' }, value: plan.root(value), bytes, offset: offset - bytes };
    });
    this.readingBytes = offset;
  }

  /** @throws UserError MIM4011 or MIM4012 where the GPU is lost or full, MIM4015 where a constant is larger than it binds */
  static async create(device: WgslDevice, program: Program, graph: Graph, products: Products): Promise<WgslProgram> {
    const plan = planOf(graph, { products, mostBuffers: device.gpu.limits.maxStorageBuffersPerShaderStage });
    requireRoomForEach(graph, plan, device.mostBytes);
    const buffers = new Map<ValueId, GPUBuffer>();
    try {
      const pipelines = await device.checked(`it compiled "${program.name}"`, () => {
        for (const [id, buffer] of allocated(device, graph, plan)) buffers.set(id, buffer);
        return Promise.all(plan.kernels.map(({ code }) => device.pipeline(code)));
      });
      return new WgslProgram(device, interfaceOf(program), graph, plan, pipelines, buffers);
    } catch (error) {
      // Others go on without it, and need the room.
      destroyAll(buffers);
      throw error;
    }
  }

  async run(state: StateStore, batches: readonly HostBatch[]): Promise<Readings[]> {
    if (!(state instanceof WgslState)) throw new Error(`Program "${this.program.name}" was given the state of another engine.`);
    checkState(this.program, state);
    const given = batches.map((batch) => checkedBatch(this.program, batch));
    if (batches.length === 0) return [];
    await state.ready;
    return this.device.checked(`it ran "${this.program.name}"`, () => this.steps(state, given));
  }

  private async steps(state: WgslState, batches: readonly NamedTensors[]): Promise<Readings[]> {
    const bound = this.bind(state);
    const bytes = await this.read(batches.length, (all) => batches.forEach((batch, step) => this.step(bound, batch, all, step * this.readingBytes)));
    return batches.map((_, step) =>
      Object.fromEntries(this.readings.map(({ name, spec, bytes: length, offset }) => {
        const from = step * this.readingBytes + offset;
        return [name, hostTensor(spec, bytes.slice(from, from + length))];
      })),
    );
  }

  /** The readings of so many steps, which `write` puts one behind the other. */
  private async read(steps: number, write: (all: GPUBuffer) => void): Promise<ArrayBuffer> {
    const bytes = this.readingBytes * steps;
    const all = this.device.buffer(bytes);
    try {
      write(all);
      const start = performance.now();
      const [read] = await this.device.read([{ buffer: all, bytes }], SURELY_BUSY * this.stepMs * steps);
      this.stepMs = Math.min(this.stepMs || Infinity, (performance.now() - start) / steps);
      return read!;
    } finally {
      all.destroy();
    }
  }

  private step({ groups, copies, buffer }: Bound, batch: NamedTensors, readings: GPUBuffer, at: number): void {
    for (const { kind, name, value } of this.graph.inputs) if (kind === 'batch') this.device.write(buffer(value), batch[name]!.data);
    const encoder = this.device.gpu.createCommandEncoder();
    const pass = encoder.beginComputePass();
    this.plan.kernels.forEach((kernel, i) => {
      pass.setPipeline(this.pipelines[i]!);
      pass.setBindGroup(0, groups[i]!);
      pass.dispatchWorkgroups(...kernel.groups);
    });
    pass.end();
    for (const { value, bytes, offset } of this.readings) if (bytes > 0) encoder.copyBufferToBuffer(buffer(value), 0, readings, at + offset, bytes);
    for (const { from, to, bytes } of copies) encoder.copyBufferToBuffer(from, 0, to, 0, bytes);
    this.device.gpu.queue.submit([encoder.finish()]);
  }

  private bind(state: WgslState): Bound {
    const known = this.bound.get(state);
    if (known) return known;
    const states = new Map(this.graph.inputs.filter(({ kind }) => kind === 'state').map(({ name, value }) => [value, state.buffer(name)]));
    const buffer = (id: ValueId): GPUBuffer => {
      const found = states.get(id) ?? this.buffers.get(id);
      if (!found) throw new Error(`Value %${id} of program "${this.program.name}" has no memory.`);
      return found;
    };
    const groups = this.plan.kernels.map(({ reads, writes }, i) =>
      this.device.gpu.createBindGroup({
        layout: this.pipelines[i]!.getBindGroupLayout(0),
        entries: [...reads, ...writes].map((id, binding) => ({ binding, resource: { buffer: buffer(id) } })),
      }),
    );
    const bound = { groups, copies: this.copies(state, states, buffer), buffer };
    this.bound.set(state, bound);
    return bound;
  }

  /** A state entry that becomes another one's former value goes by way of a copy, for that one may be overwritten first. */
  private copies(state: WgslState, states: ReadonlyMap<ValueId, GPUBuffer>, buffer: (id: ValueId) => GPUBuffer): Bound['copies'] {
    const before: { from: GPUBuffer; to: GPUBuffer; bytes: number }[] = [];
    const after = this.graph.outputs.filter(({ kind }) => kind === 'state').flatMap(({ name, value }) => {
      const bytes = 4 * elementCount(this.program.state[name]!.shape);
      const root = this.plan.root(value);
      const to = state.buffer(name);
      const from = buffer(root);
      if (from === to) return [];
      if (!states.has(root)) return [{ from, to, bytes }];
      const between = this.device.buffer(bytes);
      before.push({ from, to: between, bytes });
      return [{ from: between, to, bytes }];
    });
    return [...before, ...after];
  }

  dispose(): Promise<void> {
    destroyAll(this.buffers);
    return Promise.resolve();
  }
}

function destroyAll(buffers: ReadonlyMap<ValueId, GPUBuffer>): void {
  for (const buffer of new Set(buffers.values())) buffer.destroy();
}

/** Buffers of constants, of batch inputs, and of what kernels write. */
function allocated(device: WgslDevice, graph: Graph, plan: Plan): Map<ValueId, GPUBuffer> {
  const buffers = new Map<ValueId, GPUBuffer>();
  const outputs = new Set(graph.outputs.map(({ value }) => plan.root(value)));
  const read = new Set([...plan.kernels.flatMap(({ reads }) => reads), ...outputs]);
  for (const id of read) {
    const data = id < 0 ? undefined : valueOf(graph, id).data;
    if (data) buffers.set(id, device.bufferOf(data instanceof Uint8Array || data instanceof Int8Array ? Int32Array.from(data) : data));
  }
  for (const { kind, value } of graph.inputs) if (kind === 'batch') buffers.set(value, device.buffer(4 * elementCount(valueOf(graph, value).shape)));
  const bytesOf = (id: ValueId): number => plan.scratch.get(id) ?? 4 * elementCount(valueOf(graph, id).shape);
  const { slotOf, slots } = shareMemory(plan.kernels, bytesOf, outputs);
  const memory = slots.map((bytes) => device.buffer(bytes));
  for (const [id, slot] of slotOf) buffers.set(id, memory[slot]!);
  return buffers;
}
