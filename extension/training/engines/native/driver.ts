/**
 * Runs kernels one after another on several threads. Each thread runs the same code: it takes some units of the kernel's work, as long as
 * there are any, waits until all threads are done, and goes on to the next kernel. Nothing of JavaScript is called meanwhile.
 */
import koffi from 'koffi';
import { Assembler, R12, R13, R14, R15, RAX, RBP, RBX, RDI, RDX, RSI } from './assembler';
import { addressOf, CodeMemory, HostMemory, type Address } from './host-memory';

/** A kernel's call: code of `(arguments, begin, end)`. */
export interface Call {
  readonly code: Address;
  readonly arguments: Address;
  readonly units: number;
  /** Units that a thread takes at a time. */
  readonly grain: number;
}

type Native = (...values: readonly unknown[]) => number;
type AsyncNative = Native & { async(...values: readonly unknown[]): void };

const RECORD = { code: 0, arguments: 8, units: 16, grain: 24, taken: 32, clock: 40, bytes: 64 };
const CONTEXT = { records: 0, count: 8, threads: 16, yield: 24, arrived: 64, bytes: 128 };
/** Looks at the other threads before the processor is offered to others. */
const SPINS = 2000;

const pthread = koffi.load('libc.so.6');
const pthreadCreate = pthread.func('int pthread_create(void *thread, void *attributes, uint64_t start, uint64_t argument)') as Native;
const pthreadJoin = pthread.func('int pthread_join(uint64_t thread, void *result)') as Native;

const DRIVER = koffi.proto('int64_t mim_driver(uint64_t context)');

/** R12: context, R13: record, R14: kernels left, R15: how many arrivals all threads have made when this kernel is done. */
function driverCode(): Uint8Array {
  const asm = new Assembler();
  const saved = [RBX, RBP, R12, R13, R14, R15];
  // An odd number of pushes: calls find the stack aligned to sixteen bytes.
  saved.forEach((reg) => asm.push(reg));
  asm.push(RDI);
  const [kernel, take, wait, spin, look, done] = Array.from({ length: 6 }, () => asm.label());
  asm.mov(R12, RDI);
  asm.mov(R13, { base: R12, disp: CONTEXT.records });
  asm.mov(R14, { base: R12, disp: CONTEXT.count });
  // How many threads there are is known when the last was made.
  const [gate, open] = [asm.label(), asm.label()];
  asm.place(gate);
  asm.mov(R15, { base: R12, disp: CONTEXT.threads });
  asm.cmpImm(R15, 0);
  asm.jcc('ne', open);
  asm.mov(RAX, { base: R12, disp: CONTEXT.yield });
  asm.call(RAX);
  asm.jmp(gate);
  asm.place(open);
  asm.place(kernel!);
  asm.place(take!);
  asm.mov(RSI, { base: R13, disp: RECORD.grain });
  asm.lockXadd({ base: R13, disp: RECORD.taken }, RSI);
  asm.mov(RAX, { base: R13, disp: RECORD.units });
  asm.cmp(RSI, RAX);
  asm.jcc('ge', wait!);
  asm.mov(RDX, { base: R13, disp: RECORD.grain });
  asm.add(RDX, RSI);
  asm.cmp(RDX, RAX);
  asm.cmov('g', RDX, RAX);
  asm.mov(RDI, { base: R13, disp: RECORD.arguments });
  asm.mov(RAX, { base: R13, disp: RECORD.code });
  asm.call(RAX);
  asm.jmp(take!);
  asm.place(wait!);
  asm.movImm(RAX, 1);
  asm.lockXadd({ base: R12, disp: CONTEXT.arrived }, RAX);
  asm.place(spin!);
  asm.movImm(RBX, SPINS);
  asm.place(look!);
  asm.mov(RAX, { base: R12, disp: CONTEXT.arrived });
  asm.cmp(RAX, R15);
  asm.jcc('ge', done!);
  asm.pause();
  asm.subImm(RBX, 1);
  asm.jcc('ne', look!);
  asm.mov(RAX, { base: R12, disp: CONTEXT.yield });
  asm.call(RAX);
  asm.jmp(spin!);
  asm.place(done!);
  asm.rdtsc();
  asm.store32({ base: R13, disp: RECORD.clock }, RAX);
  asm.store32({ base: R13, disp: RECORD.clock + 4 }, RDX);
  asm.add(R15, { base: R12, disp: CONTEXT.threads });
  asm.addImm(R13, RECORD.bytes);
  asm.subImm(R14, 1);
  asm.jcc('ne', kernel!);
  asm.pop(RDI);
  asm.xor(RAX, RAX);
  saved.toReversed().forEach((reg) => asm.pop(reg));
  asm.ret();
  return asm.code();
}

/** The list of calls of a program, and the threads that make them. */
export class Driver {
  private readonly code = new CodeMemory(driverCode());
  private readonly memory: HostMemory;
  private readonly records: BigInt64Array;
  private readonly start: AsyncNative;

  constructor(
    private readonly calls: readonly Call[],
    private readonly threads: number,
  ) {
    this.memory = new HostMemory(CONTEXT.bytes + RECORD.bytes * calls.length);
    this.records = new BigInt64Array((RECORD.bytes / 8) * calls.length);
    calls.forEach((call, i) => {
      const at = (i * RECORD.bytes) / 8;
      this.records.set([call.code, call.arguments, call.units, call.grain].map(BigInt), at);
    });
    this.start = koffi.decode(BigInt(this.code.address), DRIVER) as AsyncNative;
  }

  /** Makes the other threads; where the system gives fewer, there are fewer. */
  private others(): BigUint64Array {
    const context = new BigInt64Array(CONTEXT.bytes / 8);
    context[CONTEXT.records / 8] = BigInt(this.memory.address + CONTEXT.bytes);
    context[CONTEXT.count / 8] = BigInt(this.calls.length);
    context[CONTEXT.yield / 8] = BigInt(addressOf('sched_yield'));
    this.memory.write(0, context);
    this.memory.write(CONTEXT.bytes, this.records);
    const others = new BigUint64Array(this.threads - 1);
    let made = 0;
    while (made < others.length && pthreadCreate(others.subarray(made, made + 1), null, this.code.address, this.memory.address) === 0) made++;
    this.memory.write(CONTEXT.threads, BigInt64Array.of(BigInt(made + 1)));
    return others.subarray(0, made);
  }

  /** Makes the calls, and returns to JavaScript meanwhile. */
  run(): Promise<void> {
    if (this.calls.length === 0) return Promise.resolve();
    const others = this.others();
    return new Promise((resolve, reject) => {
      this.start.async(this.memory.address, (error: Error | null) => {
        for (const thread of others) pthreadJoin(thread, null);
        if (error) reject(error);
        else resolve();
      });
    });
  }

  /** Makes the calls, and returns when they are made. */
  runHere(): void {
    if (this.calls.length === 0) return;
    const others = this.others();
    this.start(this.memory.address);
    for (const thread of others) pthreadJoin(thread, null);
  }

  /** The processor's clock after each kernel of the last run. */
  clocks(): number[] {
    const records = new BigInt64Array(this.records.length);
    this.memory.read(CONTEXT.bytes, records);
    return this.calls.map((_, i) => Number(records[(i * RECORD.bytes + RECORD.clock) / 8]));
  }

  free(): void {
    this.memory.free();
    this.code.free();
  }
}
