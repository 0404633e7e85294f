/** Runs updates over arrays of the host's memory, which are changed in place: piece by piece, each small enough for the processor's cache. */
import type { Graph } from '../ir';
import type { Source, Update } from './split-updates';
import { updateCode } from './update-code';
import { wasmModule } from './wasm-module';

/** Elements of a piece; a multiple of four. */
const PIECE = 4096;
const ELEMENT_BYTES = 4;
const LANES = 4;
const PAGE_BYTES = 65536;

type Kernel = (bytes: number, ...scalars: readonly number[]) => void;

/** What is used of it here: Node.js has it, its types do not. */
declare const WebAssembly: {
  readonly Memory: new (size: { readonly initial: number }) => { readonly buffer: ArrayBuffer };
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: Readonly<Record<string, Kernel>> };
};

/** The values of a name, by where they come from; those of state are changed in place. */
export type ValuesOf = Readonly<Record<Source['kind'], (name: string) => Float32Array>>;

export class Updates {
  private readonly kernels: readonly Kernel[];
  private readonly slots: readonly Float32Array[];

  constructor(
    graph: Graph,
    private readonly updates: readonly Update[],
  ) {
    const functions = updates.map((update) => updateCode(graph, update, PIECE * ELEMENT_BYTES));
    // Layers' updates are alike: one function serves them all.
    const texts = functions.map((one) => JSON.stringify(one));
    const distinct = new Map(functions.map((one, i) => [texts[i]!, one]));
    const slots = Math.max(...updates.map(({ arrays, writes }) => arrays.length + writes.length));
    const memory = new WebAssembly.Memory({ initial: Math.ceil((slots * PIECE * ELEMENT_BYTES) / PAGE_BYTES) });
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(wasmModule([...distinct.values()])), { host: { memory } });
    const index = new Map([...distinct.keys()].map((text, i) => [text, i]));
    this.kernels = texts.map((text) => exports[index.get(text)!]!);
    this.slots = Array.from({ length: slots }, (_, slot) => new Float32Array(memory.buffer, slot * PIECE * ELEMENT_BYTES, PIECE));
  }

  run(values: ValuesOf): void {
    this.updates.forEach((update, i) => this.one(update, this.kernels[i]!, values));
  }

  private one({ length, arrays, scalars, writes }: Update, kernel: Kernel, values: ValuesOf): void {
    const read = arrays.map(({ kind, name }) => values[kind](name));
    const numbers = scalars.map(({ kind, name }) => values[kind](name)[0]!);
    const written = writes.map(({ name }) => values.state(name));
    for (let at = 0; at < length; at += PIECE) {
      const count = Math.min(PIECE, length - at);
      read.forEach((array, slot) => this.slots[slot]!.set(array.subarray(at, at + count)));
      kernel(Math.ceil(count / LANES) * LANES * ELEMENT_BYTES, ...numbers);
      written.forEach((array, i) => array.set(this.slots[read.length + i]!.subarray(0, count), at));
    }
  }
}
