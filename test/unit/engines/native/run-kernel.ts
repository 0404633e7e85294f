/** Runs kernels on arrays, by the Driver, in memory that may not be touched outside of them. */
import type { HostMemory } from '../../../../extension/training/engines/native/host-memory';
import { contiguous, type Load } from '../../../../extension/training/engines/native/expression';
import type { Kernel } from '../../../../extension/training/engines/native/kernel';

export type Numbers = Float32Array | Int32Array | Uint16Array;

/** Values by their id. */
export type Memory = ReadonlyMap<number, Numbers>;

/** Bytes before a value, and behind it where a kernel may read more, so that what is written there shows. */
const GUARD = 64;
const GUARD_BYTE = 0xa5;
const PAGE = 4096;
const NO_ACCESS = 0;

/** Loaded late: there is no such library on other systems, where tests are skipped. */
async function system() {
  const [{ default: koffi }, { Driver }, { CodeMemory, HostMemory }] = await Promise.all([
    import('koffi'), import('../../../../extension/training/engines/native/driver'), import('../../../../extension/training/engines/native/host-memory'),
  ]);
  const mprotect = koffi.load('libc.so.6').func('int mprotect(uint64_t address, uint64_t bytes, int protection)') as (address: number, bytes: number, protection: number) => number;
  return { Driver, CodeMemory, HostMemory, mprotect };
}

type System = Awaited<ReturnType<typeof system>>;
let loaded: Promise<System> | undefined;

/** A value's memory: it ends with a page, behind which there is one that cannot be read. */
class Room {
  private readonly memory: HostMemory;
  private readonly before: Uint8Array;
  private readonly offset: number;

  constructor(
    private readonly values: Numbers,
    slack: number,
    { HostMemory, mprotect }: System,
  ) {
    const bytes = Math.ceil((values.byteLength + GUARD + slack) / PAGE) * PAGE;
    this.memory = new HostMemory(bytes + PAGE);
    mprotect(this.memory.address + bytes, PAGE, NO_ACCESS);
    this.before = new Uint8Array(bytes).fill(GUARD_BYTE);
    this.offset = bytes - slack - values.byteLength;
    this.before.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), this.offset);
    this.memory.write(0, this.before);
  }

  get address(): number {
    return this.memory.address + this.offset;
  }

  /** @throws Error where something was written that should not have been */
  read(mayChange: boolean): Numbers {
    const after = new Uint8Array(this.before.length);
    this.memory.read(0, after);
    const end = this.offset + this.values.byteLength;
    const wrong = after.findIndex((byte, at) => byte !== this.before[at] && !(mayChange && at >= this.offset && at < end));
    if (wrong >= 0) throw new Error(`Byte ${wrong - this.offset} of ${this.values.byteLength} was written.`);
    const { buffer } = after.slice(this.offset, end);
    const { BYTES_PER_ELEMENT: bytes } = this.values;
    return this.values instanceof Float32Array ? new Float32Array(buffer) : bytes === 2 ? new Uint16Array(buffer) : new Int32Array(buffer);
  }

  free(): void {
    this.memory.free();
  }
}

/** How many threads there are and how many units each takes at a time, or as many more as make a multiple of the kernel's: those that tests use by turns. */
export interface Way {
  readonly threads: number;
  readonly grain: number;
}

export const WAYS: readonly Way[] = [{ threads: 1, grain: 1 }, { threads: 1, grain: 1000 }, { threads: 2, grain: 1 }, { threads: 2, grain: 3 }];

let turn = 0;
/** One after another: that every case is run in every way would take long. */
export function nextWay(): Way {
  return WAYS[turn++ % WAYS.length]!;
}

/**
 * Runs a kernel on copies of values.
 * @param slack bytes behind each value that may be read
 * @returns the values after it
 * @throws Error where it wrote beside a value, or to one that it does not say it writes
 */
export async function runKernel(kernel: Kernel, memory: Memory, { threads, grain }: Way, slack = 0): Promise<Map<number, Numbers>> {
  const native = await (loaded ??= system());
  const { CodeMemory, Driver } = native;
  const rooms = new Map([...memory].map(([id, values]) => [id, new Room(values, slack, native)]));
  const code = new CodeMemory(kernel.code);
  const pointers = kernel.pointers.map(({ root, offset }) => ({ address: rooms.get(root)!.address + 4 * offset, perPart: 0 }));
  const call = { code: code.address, unitsPerPart: 1, arguments: () => pointers };
  const driver = new Driver([{ calls: [call], parts: kernel.units, grain: Math.ceil(grain / kernel.multiple) * kernel.multiple, lateGrain: kernel.multiple }], threads);
  await driver.run();
  const found = new Map([...rooms].map(([id, room]) => [id, room.read(kernel.writes.includes(id))]));
  [driver, code, ...rooms.values()].forEach((one) => one.free());
  return found;
}

// Values and views for tests.

export function load(root: number, strides: readonly number[], { offset = 0, dtype = 'float32' }: Partial<Pick<Load, 'offset' | 'dtype'>> = {}): Load {
  return { kind: 'load', root, dtype, offset, strides };
}

export function wholeLoad(root: number, shape: readonly number[], dtype: Load['dtype'] = 'float32'): Load {
  return load(root, contiguous(shape), { dtype });
}

/** The coordinates of a shape, in order. */
export function* placesOf(shape: readonly number[]): Generator<number[]> {
  if (shape.some((size) => size === 0)) return;
  const at = shape.map(() => 0);
  for (;;) {
    yield [...at];
    let axis = shape.length - 1;
    while (axis >= 0 && ++at[axis]! === shape[axis]) at[axis--] = 0;
    if (axis < 0) return;
  }
}

/** Which element of a value's memory is at these coordinates. */
export function elementAt({ offset, strides }: Pick<Load, 'offset' | 'strides'>, at: readonly number[]): number {
  return at.reduce((sum, coordinate, axis) => sum + coordinate * strides[axis]!, offset);
}

/** Strides of the same shape by another order of axes in memory, or backwards: a layout that is not straight. */
export function turned(shape: readonly number[], order: readonly number[], backwards: readonly number[] = []): Pick<Load, 'offset' | 'strides'> {
  const strides: number[] = [];
  let stride = 1;
  for (const axis of order.toReversed()) {
    strides[axis] = stride;
    stride *= shape[axis]!;
  }
  const offset = backwards.reduce((sum, axis) => sum + (shape[axis]! - 1) * strides[axis]!, 0);
  return { offset, strides: strides.map((one, axis) => (backwards.includes(axis) ? -one : one)) };
}

/** Numbers that are the same at each run. */
export function randomNumbers(count: number, seed = 1): Float32Array {
  let state = seed;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (state >>> 8) / 2 ** 23 - 1;
  });
}
