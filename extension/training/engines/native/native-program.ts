/** A program as kernels in machine code, their memory, and the list of calls that is one step. */
import type { TensorSpec } from '../../../core/tensors';
import { elementCount } from '../../../core/tensors';
import { checkBatch, checkState } from '../check-values';
import type { ConstantData, Graph, ValueId } from '../compiled/ir';
import { valueOf } from '../compiled/ir';
import type { CompiledProgram, HostBatch, ProgramInterface, Readings, StateStore } from '../engine';
import { Driver, type Argument, type Call, type Round } from './driver';
import { CodeMemory, HostMemory, type Address } from './host-memory';
import type { Kernel } from './kernel';
import { planMemory, roomFor, type MemoryPlan, type Touching } from './memory-plan';
import { NativeState, tensorAt } from './native-state';
import type { Plan } from './planner';
import { partStride, samplesOf, schedule, type Group } from './schedule';

/** Work (elements of simple kernels, about) that is worth taking at a time, and pieces that a thread's share is cut into. */
const LEAST_WORK = 20_000;
const PIECES = 6;
/** Of a thread's own memory for a group: a third of the second cache, whose rest is for what is read besides and what is written for later. Measured. */
const MOST_LOCAL = 3 * 2 ** 18;
/** Parts of a group are taken at least so often by each thread. */
const TURNS = 3;

/** Values one behind the other in memory of their own. */
class Region {
  private readonly memory: HostMemory;
  private readonly offsets: ReadonlyMap<ValueId, number>;

  constructor(sizes: ReadonlyMap<ValueId, number>) {
    let bytes = 0;
    this.offsets = new Map([...sizes].map(([id, elements]) => [id, (bytes += roomFor(elements)) - roomFor(elements)]));
    this.memory = new HostMemory(bytes);
  }

  get bytes(): number {
    return this.memory.bytes;
  }

  address(id: ValueId): Address | undefined {
    const offset = this.offsets.get(id);
    return offset === undefined ? undefined : this.memory.address + offset;
  }

  write(id: ValueId, values: Float32Array | Int32Array | Uint16Array): void {
    this.memory.write(this.offsets.get(id)!, values);
  }

  free(): void {
    this.memory.free();
  }
}

function storedNumbers(data: ConstantData): Float32Array | Int32Array {
  return data instanceof Uint8Array || data instanceof Int8Array ? Int32Array.from(data) : data;
}

/** A group, how many parts of it are taken at a time, and where its own values lie in a thread's memory. */
interface Placed extends Group {
  readonly grain: number;
  readonly lateGrain: number;
  readonly memory: MemoryPlan;
}

/** Kernels whose values lie where the state's former ones do. */
function inPlace(kernels: readonly Kernel[], places: ReadonlyMap<ValueId, ValueId>): Kernel[] {
  const home = (id: ValueId): ValueId => places.get(id) ?? id;
  const homes = (ids: readonly ValueId[]): ValueId[] => [...new Set(ids.map(home))];
  return kernels.map((kernel) => ({ ...kernel, pointers: kernel.pointers.map((pointer) => ({ ...pointer, root: home(pointer.root) })), reads: homes(kernel.reads), writes: homes(kernel.writes), overwrites: homes(kernel.overwrites) }));
}

function together({ kernels, local }: Group): Touching {
  const others = (of: (kernel: Kernel) => readonly ValueId[]): ValueId[] => [...new Set(kernels.flatMap(of))].filter((id) => !local.has(id));
  return { reads: others(({ reads }) => reads), writes: others(({ writes }) => writes), overwrites: kernels.length === 1 ? kernels[0]!.overwrites : [] };
}

/** Parts that are taken at a time towards the end. */
function lateOf(grain: number): number {
  return Math.max(1, Math.floor(grain / 4));
}

export class NativeProgram implements CompiledProgram {
  private readonly lasting: Region;
  private readonly batch: Region;
  private readonly scratch: HostMemory;
  private readonly local: readonly HostMemory[];
  private readonly code: CodeMemory;
  private readonly codeAt = new Map<Uint8Array, number>();
  private readonly offsets: ReadonlyMap<ValueId, number>;
  private readonly states: ReadonlyMap<ValueId, string>;
  private readonly groups: readonly Placed[];
  /** Runs share the batch's memory and scratch memory, so that one waits for the other. */
  private last: Promise<unknown> = Promise.resolve();
  private readonly bound = new Map<NativeState, Driver>();

  constructor(
    readonly program: ProgramInterface,
    private readonly graph: Graph,
    private readonly plan: Plan,
    private readonly threads: number,
  ) {
    this.states = new Map(graph.inputs.filter(({ kind }) => kind === 'state').map(({ name, value }) => [value, name]));
    const given = graph.inputs.filter(({ kind }) => kind === 'batch');
    const inputs = new Set(given.map(({ value }) => value));
    this.batch = new Region(new Map(given.map(({ name, value }) => [value, this.elements(value) / (program.batch[name]!.dtype === 'float16' ? 2 : 1)])));
    this.code = this.placeCode();
    const kernels = inPlace(plan.kernels, plan.inPlace);
    this.lasting = this.constants([...kernels.flatMap(({ reads }) => reads), ...plan.readings.values()], plan.prepared);
    const readings = new Set([...plan.readings.values()].map((id) => plan.inPlace.get(id) ?? id));
    const elsewhere = (id: ValueId): boolean => this.states.has(id) || plan.prepared.has(id) || inputs.has(id) || this.data(id) !== undefined;
    const parts = samplesOf(graph);
    this.groups = schedule(kernels, parts >= TURNS * threads ? parts : 1, (id) => this.elements(id), (id) => elsewhere(id) || readings.has(id)).map((group) => this.placed(group));
    const { offsets, bytes } = planMemory(this.groups.map(together), (id) => (elsewhere(id) ? undefined : this.elements(id)), readings);
    this.offsets = offsets;
    this.scratch = new HostMemory(bytes);
    const most = this.groups.reduce((largest, { memory }) => Math.max(largest, memory.bytes), 0);
    this.local = Array.from({ length: threads }, () => new HostMemory(most));
    this.prepare();
  }

  private placed(group: Group): Placed {
    const { kernels, parts, local } = group;
    const memoryOf = (taken: number): MemoryPlan => planMemory(kernels, (id) => (local.has(id) ? (this.elements(id) / parts) * taken : undefined), new Set());
    if (kernels.length === 1) {
      const [{ units, multiple, work }] = kernels as [Kernel];
      const worth = Math.max(LEAST_WORK, work / (this.threads * PIECES));
      const grain = Math.max(1, Math.ceil((units * worth) / work / multiple));
      return { ...group, grain: multiple * grain, lateGrain: multiple * lateOf(grain), memory: memoryOf(1) };
    }
    const fitting = Math.floor(MOST_LOCAL / Math.max(1, memoryOf(1).bytes));
    const grain = Math.max(1, Math.min(fitting, Math.ceil(parts / (this.threads * TURNS))));
    return { ...group, grain, lateGrain: lateOf(grain), memory: memoryOf(grain) };
  }

  private elements(id: ValueId): number {
    return this.plan.scratch.get(id) ?? this.plan.numbers.get(id)?.length ?? elementCount(valueOf(this.graph, id).shape);
  }

  private data(id: ValueId): ConstantData | undefined {
    return id < 0 ? this.plan.numbers.get(id) : valueOf(this.graph, id).data;
  }

  /** The constants that these kernels read, and room for what is prepared. */
  private constants(values: readonly ValueId[], prepared: ReadonlySet<ValueId>): Region {
    const read = [...new Set(values)].filter((id) => this.data(id));
    const region = new Region(new Map([...read, ...prepared].map((id) => [id, this.elements(id)])));
    for (const id of read) region.write(id, storedNumbers(this.data(id)!));
    return region;
  }

  /** Kernels of the same code share it. */
  private placeCode(): CodeMemory {
    const parts: Uint8Array[] = [];
    const known = new Map<string, number>();
    let bytes = 0;
    for (const { code } of [...this.plan.setup, ...this.plan.kernels]) {
      const text = Buffer.from(code).toString('latin1');
      const at = known.get(text) ?? bytes;
      this.codeAt.set(code, at);
      if (at < bytes) continue;
      known.set(text, at);
      const padded = new Uint8Array(Math.ceil(code.length / 64) * 64);
      padded.set(code);
      parts.push(padded);
      bytes += padded.length;
    }
    return new CodeMemory(Buffer.concat(parts));
  }

  private codeOf({ code }: Kernel): Address {
    return this.code.address + this.codeAt.get(code)!;
  }

  private round({ kernels, parts, grain, lateGrain, local, memory }: Placed, address: (id: ValueId) => Address): Round {
    const calls = kernels.map((kernel): Call => ({
      code: this.codeOf(kernel),
      unitsPerPart: kernel.units / parts,
      arguments: (thread) => kernel.pointers.map(({ root, offset }, pointer): Argument => {
        if (!local.has(root)) return { address: address(root) + 4 * offset, perPart: 0 };
        // A kernel counts from the batch's first sample, this memory from the first that was taken.
        const perPart = -4 * partStride(kernel, pointer, parts, this.elements(root))!;
        return { address: this.local[thread]!.address + memory.offsets.get(root)! + 4 * offset, perPart };
      }),
    }));
    return { calls, parts, grain, lateGrain };
  }

  private address(id: ValueId, state?: NativeState): Address {
    const name = this.states.get(id);
    const offset = this.offsets.get(id);
    const found = (name === undefined ? undefined : state?.address(name)) ?? (offset === undefined ? undefined : this.scratch.address + offset) ?? this.lasting.address(id) ?? this.batch.address(id);
    if (found === undefined) throw new Error(`Value %${id} of program "${this.program.name}" has no memory.`);
    return found;
  }

  /** Runs what is made of constants alone; its operands are not kept. */
  private prepare(): void {
    const { setup } = this.plan;
    if (setup.length === 0) return;
    const operands = this.constants(setup.flatMap(({ reads }) => reads), new Set());
    const groups = setup.map((kernel) => this.placed({ kernels: [kernel], parts: kernel.units, local: new Set() }));
    const driver = new Driver(groups.map((group) => this.round(group, (id) => operands.address(id) ?? this.address(id))), this.threads);
    driver.runHere();
    driver.free();
    operands.free();
  }

  private bind(state: NativeState): Driver {
    const known = this.bound.get(state) ?? new Driver(this.groups.map((group) => this.round(group, (id) => this.address(id, state))), this.threads);
    this.bound.set(state, known);
    return known;
  }

  async run(state: StateStore, batches: readonly HostBatch[]): Promise<Readings[]> {
    if (!(state instanceof NativeState)) throw new Error(`Program "${this.program.name}" was given the state of another engine.`);
    checkState(this.program, state);
    for (const batch of batches) checkBatch(this.program, batch);
    const run = this.last.then(() => this.runInTurn(state, batches));
    this.last = run.catch(() => undefined);
    return run;
  }

  private async runInTurn(state: NativeState, batches: readonly HostBatch[]): Promise<Readings[]> {
    const driver = this.bind(state);
    const readings: Readings[] = [];
    for (const batch of batches) {
      for (const { kind, name, value } of this.graph.inputs) if (kind === 'batch') this.batch.write(value, batch[name]!.data);
      await driver.run();
      readings.push(this.readings(state));
    }
    return readings;
  }

  /** What the kernels of each group took so far, in clocks of the processor, of all threads together. */
  profile(state: NativeState): { name: string; work: number; clocks: number }[][] {
    const clocks = this.bind(state).clocks();
    return this.groups.map(({ kernels }, group) => kernels.map(({ name, work }, i) => ({ name, work, clocks: clocks[group]![i]! })));
  }

  /** Bytes of what this program holds; `local` of each thread. */
  memory(): { constants: number; batch: number; activations: number; local: number; code: number } {
    return { constants: this.lasting.bytes, batch: this.batch.bytes, activations: this.scratch.bytes, local: this.local[0]!.bytes, code: this.code.bytes };
  }

  private readings(state: NativeState): Readings {
    return Object.fromEntries(this.graph.outputs.filter(({ kind }) => kind === 'reading').map(({ name, value }) => {
      const { shape, dtype } = valueOf(this.graph, value);
      const spec: TensorSpec = { shape, dtype: dtype === 'float32' ? 'float32' : 'int32' };
      return [name, tensorAt(spec, this.address(this.plan.inPlace.get(this.plan.readings.get(name)!) ?? this.plan.readings.get(name)!, state))];
    }));
  }

  dispose(): Promise<void> {
    for (const driver of this.bound.values()) driver.free();
    for (const memory of this.local) memory.free();
    this.lasting.free();
    this.batch.free();
    this.scratch.free();
    this.code.free();
    return Promise.resolve();
  }
}
