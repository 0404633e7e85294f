/** A program as kernels in machine code, their memory, and the list of calls that is one step. */
import type { HostTensor, TensorSpec } from '../../../core/tensors';
import { elementCount } from '../../../core/tensors';
import { checkBatch, checkState } from '../check-values';
import type { ConstantData, Graph, ValueId } from '../compiled/ir';
import { valueOf } from '../compiled/ir';
import type { CompiledProgram, HostBatch, ProgramInterface, Readings, StateStore } from '../engine';
import { Driver, type Call } from './driver';
import { CodeMemory, HostMemory, type Address } from './host-memory';
import type { Kernel } from './kernel';
import { planMemory, roomFor } from './memory-plan';
import { NativeState } from './native-state';
import type { Plan } from './planner';

/** Work (elements of simple kernels, about) that is worth taking at a time, and pieces that a thread's share is cut into. */
const LEAST_WORK = 20_000;
const PIECES = 6;

/** Values one behind the other in memory of their own. */
class Region {
  private readonly memory: HostMemory;
  private readonly offsets: ReadonlyMap<ValueId, number>;

  constructor(sizes: ReadonlyMap<ValueId, number>) {
    let bytes = 0;
    this.offsets = new Map([...sizes].map(([id, elements]) => [id, (bytes += roomFor(elements)) - roomFor(elements)]));
    this.memory = new HostMemory(bytes);
  }

  address(id: ValueId): Address | undefined {
    const offset = this.offsets.get(id);
    return offset === undefined ? undefined : this.memory.address + offset;
  }

  write(id: ValueId, values: Float32Array | Int32Array): void {
    this.memory.write(this.offsets.get(id)!, values);
  }

  free(): void {
    this.memory.free();
  }
}

function storedNumbers(data: ConstantData): Float32Array | Int32Array {
  return data instanceof Uint8Array || data instanceof Int8Array ? Int32Array.from(data) : data;
}

interface Bound {
  readonly driver: Driver;
  readonly arguments: HostMemory;
}

export class NativeProgram implements CompiledProgram {
  private readonly lasting: Region;
  private readonly batch: Region;
  private readonly scratch: HostMemory;
  private readonly code: CodeMemory;
  private readonly codeAt = new Map<string, number>();
  private readonly offsets: ReadonlyMap<ValueId, number>;
  private readonly states: ReadonlyMap<ValueId, string>;
  private readonly bound = new Map<NativeState, Bound>();

  constructor(
    readonly program: ProgramInterface,
    private readonly graph: Graph,
    private readonly plan: Plan,
    private readonly threads: number,
  ) {
    this.states = new Map(graph.inputs.filter(({ kind }) => kind === 'state').map(({ name, value }) => [value, name]));
    const inputs = graph.inputs.filter(({ kind }) => kind === 'batch').map(({ value }) => value);
    this.batch = new Region(new Map(inputs.map((id) => [id, this.elements(id)])));
    this.code = this.placeCode();
    this.lasting = this.constants(plan.kernels, plan.prepared);
    const elsewhere = (id: ValueId): boolean => this.states.has(id) || plan.inPlace.has(id) || plan.prepared.has(id);
    const { offsets, bytes } = planMemory(plan.kernels, (id) => (elsewhere(id) || this.data(id) || inputs.includes(id) ? undefined : this.elements(id)), new Set(plan.readings.values()));
    this.offsets = offsets;
    this.scratch = new HostMemory(bytes);
    this.prepare();
  }

  private elements(id: ValueId): number {
    return this.plan.scratch.get(id) ?? this.plan.numbers.get(id)?.length ?? elementCount(valueOf(this.graph, id).shape);
  }

  private data(id: ValueId): ConstantData | undefined {
    return id < 0 ? this.plan.numbers.get(id) : valueOf(this.graph, id).data;
  }

  /** The constants that these kernels read, and room for what is prepared. */
  private constants(kernels: readonly Kernel[], prepared: ReadonlySet<ValueId>): Region {
    const read = [...new Set(kernels.flatMap(({ reads }) => reads))].filter((id) => this.data(id));
    const region = new Region(new Map([...read, ...prepared].map((id) => [id, this.elements(id)])));
    for (const id of read) region.write(id, storedNumbers(this.data(id)!));
    return region;
  }

  /** Kernels of the same code share it. */
  private placeCode(): CodeMemory {
    const parts: Uint8Array[] = [];
    let bytes = 0;
    for (const { code } of [...this.plan.setup, ...this.plan.kernels]) {
      const key = Buffer.from(code).toString('latin1');
      if (this.codeAt.has(key)) continue;
      this.codeAt.set(key, bytes);
      const padded = new Uint8Array(Math.ceil(code.length / 64) * 64);
      padded.set(code);
      parts.push(padded);
      bytes += padded.length;
    }
    return new CodeMemory(Buffer.concat(parts));
  }

  private callsOf(kernels: readonly Kernel[], address: (id: ValueId) => Address): Bound {
    const pointers = BigInt64Array.from(kernels.flatMap((kernel) => kernel.pointers.map(({ root, offset }) => BigInt(address(root) + 4 * offset))));
    const block = new HostMemory(Math.max(8, pointers.byteLength));
    block.write(0, pointers);
    let at = block.address;
    const calls = kernels.map(({ code, pointers: own, units, multiple, work }): Call => {
      const worth = Math.max(LEAST_WORK, work / (this.threads * PIECES));
      const call: Call = { code: this.code.address + this.codeAt.get(Buffer.from(code).toString('latin1'))!, arguments: at, units, grain: multiple * Math.max(1, Math.ceil((units * worth) / work / multiple)) };
      at += 8 * own.length;
      return call;
    });
    return { driver: new Driver(calls, this.threads), arguments: block };
  }

  private address(id: ValueId, state?: NativeState): Address {
    const home = this.plan.inPlace.get(id) ?? id;
    const name = this.states.get(home);
    const offset = this.offsets.get(home);
    const found = (name === undefined ? undefined : state?.address(name)) ?? (offset === undefined ? undefined : this.scratch.address + offset) ?? this.lasting.address(home) ?? this.batch.address(home);
    if (found === undefined) throw new Error(`Value %${id} of program "${this.program.name}" has no memory.`);
    return found;
  }

  /** Runs what is made of constants alone; its operands are not kept. */
  private prepare(): void {
    const { setup } = this.plan;
    if (setup.length === 0) return;
    const operands = this.constants(setup, new Set());
    const { driver, arguments: block } = this.callsOf(setup, (id) => operands.address(id) ?? this.address(id));
    driver.runHere();
    driver.free();
    block.free();
    operands.free();
  }

  private bind(state: NativeState): Bound {
    const known = this.bound.get(state) ?? this.callsOf(this.plan.kernels, (id) => this.address(id, state));
    this.bound.set(state, known);
    return known;
  }

  async run(state: StateStore, batches: readonly HostBatch[]): Promise<Readings[]> {
    if (!(state instanceof NativeState)) throw new Error(`Program "${this.program.name}" was given the state of another engine.`);
    checkState(this.program, state);
    for (const batch of batches) checkBatch(this.program, batch);
    const { driver } = this.bind(state);
    const readings: Readings[] = [];
    for (const batch of batches) {
      for (const { kind, name, value } of this.graph.inputs) if (kind === 'batch') this.batch.write(value, batch[name]!.data);
      await driver.run();
      readings.push(this.readings());
    }
    return readings;
  }

  /** What each kernel of the last step took, in clocks of the processor. */
  profile(state: NativeState): { name: string; clocks: number }[] {
    const clocks = this.bind(state).driver.clocks();
    return this.plan.kernels.map(({ name }, i) => ({ name, clocks: i === 0 ? 0 : clocks[i]! - clocks[i - 1]! }));
  }

  private readings(): Readings {
    return Object.fromEntries(this.graph.outputs.filter(({ kind }) => kind === 'reading').map(({ name, value }) => {
      const { shape, dtype } = valueOf(this.graph, value);
      const spec: TensorSpec = { shape, dtype: dtype === 'float32' ? 'float32' : 'int32' };
      return [name, this.tensor(spec, this.address(this.plan.readings.get(name)!))];
    }));
  }

  private tensor({ shape, dtype }: TensorSpec, address: Address): HostTensor {
    const data = dtype === 'float32' ? new Float32Array(elementCount(shape)) : new Int32Array(elementCount(shape));
    HostMemory.copyFrom(address, data);
    return { shape, dtype, data } as HostTensor;
  }

  dispose(): Promise<void> {
    for (const { driver, arguments: block } of this.bound.values()) {
      driver.free();
      block.free();
    }
    this.lasting.free();
    this.batch.free();
    this.scratch.free();
    this.code.free();
    return Promise.resolve();
  }
}
