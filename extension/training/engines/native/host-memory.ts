/**
 * Memory outside of JavaScript, and code in it: what the system's C library has for it, called through koffi. Addresses are numbers:
 * they have 47 bits.
 */
import koffi from 'koffi';

export type Address = number;

type Values = Float32Array | Int32Array | Uint16Array | Uint8Array | BigInt64Array | BigUint64Array;
type Call = (...values: readonly unknown[]) => bigint | number;

const READ_WRITE = 3;
const READ_EXECUTE = 5;
/** MAP_PRIVATE | MAP_ANONYMOUS */
const PRIVATE = 0x22;
const FAILED = -1n;
const MADV_HUGEPAGE = 14;
const HUGE = 2 ** 21;

const library = koffi.load('libc.so.6');
const mmap = library.func('int64_t mmap(int64_t address, uint64_t bytes, int protection, int flags, int file, int64_t offset)') as Call;
const munmap = library.func('int munmap(uint64_t address, uint64_t bytes)') as Call;
const mprotect = library.func('int mprotect(uint64_t address, uint64_t bytes, int protection)') as Call;
const madvise = library.func('int madvise(uint64_t address, uint64_t bytes, int advice)') as Call;
const copyIn = library.func('void *memcpy(uint64_t to, const void *from, uint64_t bytes)') as Call;
const copyOut = library.func('void *memcpy(void *to, uint64_t from, uint64_t bytes)') as Call;
const dlsym = library.func('uint64_t dlsym(void *handle, const char *name)') as Call;

/** Of a function of the C library, for code that calls it. */
export function addressOf(name: string): Address {
  return Number(dlsym(null, name));
}

/** Pages of the system's, zeros at first; large ones where the system grants them. */
export class HostMemory {
  readonly address: Address;
  readonly bytes: number;
  private isFree = false;

  /** @throws RangeError where the system has no more */
  constructor(bytes: number) {
    const page = bytes >= HUGE ? HUGE : 4096;
    this.bytes = Math.max(page, Math.ceil(bytes / page) * page);
    const address = BigInt(mmap(0, this.bytes, READ_WRITE, PRIVATE, -1, 0));
    if (address === FAILED) throw new RangeError(`The system has no ${this.bytes} bytes of memory left.`);
    this.address = Number(address);
    if (page === HUGE) madvise(this.address, this.bytes, MADV_HUGEPAGE);
  }

  write(offset: number, values: Values): void {
    if (offset < 0 || offset + values.byteLength > this.bytes) throw new RangeError(`${values.byteLength} bytes at ${offset} are beyond the ${this.bytes} of this memory.`);
    copyIn(this.address + offset, values, values.byteLength);
  }

  /** Fills `values`. */
  read(offset: number, values: Values): void {
    if (offset < 0 || offset + values.byteLength > this.bytes) throw new RangeError(`${values.byteLength} bytes at ${offset} are beyond the ${this.bytes} of this memory.`);
    HostMemory.copyFrom(this.address + offset, values);
  }

  /** Fills `values` with what lies at an address, which nothing checks. */
  static copyFrom(address: Address, values: Values): void {
    copyOut(values, address, values.byteLength);
  }

  /** Once: what lies there afterwards may be somebody else's. */
  free(): void {
    if (this.isFree) return;
    this.isFree = true;
    munmap(this.address, this.bytes);
  }
}

/** Code that can be run and not be written any more. */
export class CodeMemory {
  private readonly memory: HostMemory;

  /** @throws Error where the system forbids it */
  constructor(code: Uint8Array) {
    this.memory = new HostMemory(code.byteLength);
    this.memory.write(0, code);
    if (mprotect(this.memory.address, this.memory.bytes, READ_EXECUTE) !== 0) {
      this.memory.free();
      throw new Error('The system does not let this process run code that it writes.');
    }
  }

  get address(): Address {
    return this.memory.address;
  }

  get bytes(): number {
    return this.memory.bytes;
  }

  free(): void {
    this.memory.free();
  }
}
