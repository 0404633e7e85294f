/**
 * Runs groups of kernels one after another on several threads. Each thread runs the same code: it takes some parts of the group's work, as
 * long as there are any, through all kernels of the group, waits until all threads are done, and goes on to the next group. Nothing of
 * JavaScript is called meanwhile.
 */
import koffi from 'koffi';
import { Assembler, R12, R13, R14, R15, RAX, RBP, RBX, RCX, RDI, RDX, RSI, RSP, type Mem } from './assembler';
import { readClock } from './clock';
import { addressOf, CodeMemory, HostMemory, type Address } from './host-memory';

/** An address that a kernel is called with: at the first part, and how many bytes further at each next one. */
export interface Argument {
  readonly address: Address;
  readonly perPart: number;
}

/** A kernel's calls: code of `(arguments, begin, end)`. */
export interface Call {
  readonly code: Address;
  readonly unitsPerPart: number;
  /** Of a thread. */
  arguments(thread: number): readonly Argument[];
}

/** Calls that a thread makes one after the other for the parts that it takes. */
export interface Round {
  readonly calls: readonly Call[];
  readonly parts: number;
  /** Parts that a thread takes at a time, and fewer towards the end, so that threads end together. */
  readonly grain: number;
  readonly lateGrain: number;
}

type Native = (...values: readonly unknown[]) => number;
type AsyncNative = Native & { async(...values: readonly unknown[]): void };

/** What lies where, in bytes. All threads share the context and the rounds; each has a list of calls and room for arguments. */
const CONTEXT = { rounds: 0, count: 8, threads: 16, yield: 24, arrived: 64, bytes: 128 };
const ROUND = { calls: 0, count: 8, parts: 16, grain: 24, taken: 32, late: 40, lateGrain: 48, bytes: 64 };
const CALL = { code: 0, unitsPerPart: 8, arguments: 16, clocks: 24, bytes: 32 };
const ARGUMENT = { address: 0, perPart: 8, bytes: 16 };
const THREAD = { context: 0, calls: 8, bytes: 64 };
const MOST_ARGUMENTS = 64;
/** Where a thread's list of calls begins. */
const CALLS = THREAD.bytes + 8 * MOST_ARGUMENTS;
/** The share of a round's parts after which fewer are taken at a time. */
const LATE = 3 / 4;
/** Looks at the other threads before the processor is offered to others. */
const SPINS = 2000;

const pthread = koffi.load('libc.so.6');
const pthreadCreate = pthread.func('int pthread_create(void *thread, void *attributes, uint64_t start, uint64_t argument)') as Native;
const pthreadJoin = pthread.func('int pthread_join(uint64_t thread, void *result)') as AsyncNative;

const DRIVER = koffi.proto('int64_t', ['uint64_t']);

/** Of the driver's stack: the first part that was taken and the one after the last, calls left, the thread, when the call began. */
const FRAME = { first: 0, end: 8, calls: 16, thread: 24, begun: 32, bytes: 40 };
const frame = (disp: number): Mem => ({ base: RSP, disp });

/** R12: context, R13: round, R14: rounds left, R15: how many arrivals all threads have made when this round is done, RBX: call, RBP: its arguments. */
class DriverWriter {
  private readonly asm = new Assembler();

  write(): Uint8Array {
    const { asm } = this;
    const saved = [RBX, RBP, R12, R13, R14, R15];
    // Six registers and the frame: calls find the stack aligned to sixteen bytes.
    saved.forEach((reg) => asm.push(reg));
    asm.subImm(RSP, FRAME.bytes);
    asm.store(frame(FRAME.thread), RDI);
    asm.mov(R12, { base: RDI, disp: THREAD.context });
    this.gate();
    asm.mov(R13, { base: R12, disp: CONTEXT.rounds });
    asm.mov(R14, { base: R12, disp: CONTEXT.count });
    const next = asm.label();
    asm.place(next);
    this.round();
    this.meet();
    asm.addImm(R13, ROUND.bytes);
    asm.subImm(R14, 1);
    asm.jcc('ne', next);
    asm.addImm(RSP, FRAME.bytes);
    asm.xor(RAX, RAX);
    saved.toReversed().forEach((reg) => asm.pop(reg));
    asm.ret();
    return asm.code();
  }

  /** How many threads there are is known when the last was made. */
  private gate(): void {
    const { asm } = this;
    const [look, open] = [asm.label(), asm.label()];
    asm.place(look);
    asm.mov(R15, { base: R12, disp: CONTEXT.threads });
    asm.cmpImm(R15, 0);
    asm.jcc('ne', open);
    asm.mov(RAX, { base: R12, disp: CONTEXT.yield });
    asm.call(RAX);
    asm.jmp(look);
    asm.place(open);
  }

  /** Takes parts as long as there are any. */
  private round(): void {
    const { asm } = this;
    const [take, call, done] = [asm.label(), asm.label(), asm.label()];
    asm.place(take);
    // What was taken meanwhile by others makes this a little late at most.
    asm.mov(RSI, { base: R13, disp: ROUND.grain });
    asm.mov(RAX, { base: R13, disp: ROUND.taken });
    asm.cmp(RAX, { base: R13, disp: ROUND.late });
    asm.mov(RAX, { base: R13, disp: ROUND.lateGrain });
    asm.cmov('ge', RSI, RAX);
    asm.mov(RDX, RSI);
    asm.lockXadd({ base: R13, disp: ROUND.taken }, RSI);
    asm.mov(RAX, { base: R13, disp: ROUND.parts });
    asm.cmp(RSI, RAX);
    asm.jcc('ge', done);
    asm.add(RDX, RSI);
    asm.cmp(RDX, RAX);
    asm.cmov('g', RDX, RAX);
    asm.store(frame(FRAME.first), RSI);
    asm.store(frame(FRAME.end), RDX);
    asm.mov(RAX, { base: R13, disp: ROUND.count });
    asm.store(frame(FRAME.calls), RAX);
    asm.mov(RAX, frame(FRAME.thread));
    asm.mov(RBX, { base: RAX, disp: THREAD.calls });
    asm.add(RBX, { base: R13, disp: ROUND.calls });
    asm.place(call);
    this.call();
    asm.mov(RAX, frame(FRAME.calls));
    asm.subImm(RAX, 1);
    asm.store(frame(FRAME.calls), RAX);
    asm.jcc('ne', call);
    asm.jmp(take);
    asm.place(done);
  }

  /** Writes the arguments of the parts that were taken, and calls the kernel with them. */
  private call(): void {
    const { asm } = this;
    const [next, ready] = [asm.label(), asm.label()];
    asm.mov(RAX, frame(FRAME.thread));
    asm.lea(RDI, { base: RAX, disp: THREAD.bytes });
    asm.mov(RSI, frame(FRAME.first));
    asm.mov(RCX, { base: RBX, disp: CALL.arguments });
    asm.lea(RBP, { base: RBX, disp: CALL.bytes });
    asm.place(next);
    asm.cmpImm(RCX, 0);
    asm.jcc('e', ready);
    asm.mov(RAX, { base: RBP, disp: ARGUMENT.perPart });
    asm.imul(RAX, RSI);
    asm.add(RAX, { base: RBP, disp: ARGUMENT.address });
    asm.store({ base: RDI }, RAX);
    asm.addImm(RDI, 8);
    asm.addImm(RBP, ARGUMENT.bytes);
    asm.subImm(RCX, 1);
    asm.jmp(next);
    asm.place(ready);
    readClock(asm);
    asm.store(frame(FRAME.begun), RAX);
    asm.mov(RDX, frame(FRAME.end));
    asm.mov(RSI, frame(FRAME.first));
    asm.mov(RAX, { base: RBX, disp: CALL.unitsPerPart });
    asm.imul(RSI, RAX);
    asm.imul(RDX, RAX);
    asm.mov(RAX, frame(FRAME.thread));
    asm.lea(RDI, { base: RAX, disp: THREAD.bytes });
    asm.mov(RAX, { base: RBX, disp: CALL.code });
    asm.call(RAX);
    readClock(asm);
    asm.sub(RAX, frame(FRAME.begun));
    asm.add(RAX, { base: RBX, disp: CALL.clocks });
    asm.store({ base: RBX, disp: CALL.clocks }, RAX);
    // The next call lies behind this one's arguments.
    asm.mov(RBX, RBP);
  }

  private meet(): void {
    const { asm } = this;
    const [spin, look, done] = [asm.label(), asm.label(), asm.label()];
    asm.movImm(RAX, 1);
    asm.lockXadd({ base: R12, disp: CONTEXT.arrived }, RAX);
    asm.place(spin);
    asm.movImm(RBX, SPINS);
    asm.place(look);
    asm.mov(RAX, { base: R12, disp: CONTEXT.arrived });
    asm.cmp(RAX, R15);
    asm.jcc('ge', done);
    asm.pause();
    asm.subImm(RBX, 1);
    asm.jcc('ne', look);
    asm.mov(RAX, { base: R12, disp: CONTEXT.yield });
    asm.call(RAX);
    asm.jmp(spin);
    asm.place(done);
    asm.add(R15, { base: R12, disp: CONTEXT.threads });
  }
}

/** The rounds of a program, and the threads that make them. */
export class Driver {
  private readonly code = new CodeMemory(new DriverWriter().write());
  private readonly shared: HostMemory;
  private readonly own: readonly HostMemory[];
  private readonly start: AsyncNative;
  private readonly records: BigInt64Array;

  constructor(
    private readonly rounds: readonly Round[],
    private readonly threads: number,
  ) {
    this.shared = new HostMemory(CONTEXT.bytes + ROUND.bytes * rounds.length);
    this.own = Array.from({ length: threads }, (_, thread) => this.threadMemory(thread));
    this.records = this.roundRecords();
    this.start = koffi.decode(BigInt(this.code.address), DRIVER) as AsyncNative;
  }

  private threadMemory(thread: number): HostMemory {
    const calls = BigInt64Array.from(this.rounds.flatMap((round) => round.calls.flatMap((call) => {
      const own = call.arguments(thread);
      if (own.length > MOST_ARGUMENTS) throw new Error(`A kernel has ${own.length} pointers; there is room for ${MOST_ARGUMENTS}.`);
      return [call.code, call.unitsPerPart, own.length, 0, ...own.flatMap(({ address, perPart }) => [address, perPart])].map(BigInt);
    })));
    const memory = new HostMemory(CALLS + calls.byteLength);
    memory.write(0, BigInt64Array.of(BigInt(this.shared.address), BigInt(memory.address + CALLS)));
    if (calls.length > 0) memory.write(CALLS, calls);
    return memory;
  }

  private roundRecords(): BigInt64Array {
    const records = new BigInt64Array((ROUND.bytes / 8) * this.rounds.length);
    let at = 0;
    this.rounds.forEach(({ calls, parts, grain, lateGrain }, i) => {
      const round = (i * ROUND.bytes) / 8;
      records.set([at, calls.length, parts, grain].map(BigInt), round);
      records.set([Math.floor(parts * LATE), lateGrain].map(BigInt), round + ROUND.late / 8);
      for (const call of calls) at += CALL.bytes + ARGUMENT.bytes * call.arguments(0).length;
    });
    return records;
  }

  /** Makes threads for all lists of calls but the first `here`, which the caller follows; where the system gives fewer threads, there are fewer. */
  private begin(here: 0 | 1): BigUint64Array {
    const context = new BigInt64Array(CONTEXT.bytes / 8);
    context[CONTEXT.rounds / 8] = BigInt(this.shared.address + CONTEXT.bytes);
    context[CONTEXT.count / 8] = BigInt(this.rounds.length);
    context[CONTEXT.yield / 8] = BigInt(addressOf('sched_yield'));
    this.shared.write(0, context);
    this.shared.write(CONTEXT.bytes, this.records);
    const begun = new BigUint64Array(this.threads - here);
    let made = 0;
    while (made < begun.length && pthreadCreate(begun.subarray(made, made + 1), null, this.code.address, this.own[made + here]!.address) === 0) made++;
    this.shared.write(CONTEXT.threads, BigInt64Array.of(BigInt(Math.max(1, made + here))));
    return begun.subarray(0, made);
  }

  /** Makes the calls, and returns to JavaScript meanwhile. */
  run(): Promise<void> {
    if (this.rounds.length === 0) return Promise.resolve();
    // Node's own threads, which decode images too, only wait for the end: the work does not begin behind what they are asked for.
    const [first, ...others] = this.begin(0);
    return new Promise((resolve, reject) => {
      const ended = (error: Error | null): void => {
        for (const thread of others) pthreadJoin(thread, null);
        if (error) reject(error);
        else resolve();
      };
      if (first === undefined) this.start.async(this.own[0]!.address, ended);
      else pthreadJoin.async(first, null, ended);
    });
  }

  /** Makes the calls, and returns when they are made. */
  runHere(): void {
    if (this.rounds.length === 0) return;
    const others = this.begin(1);
    this.start(this.own[0]!.address);
    for (const thread of others) pthreadJoin(thread, null);
  }

  /** What each call of each round took so far, in clocks of the processor, of all threads together. */
  clocks(): number[][] {
    const threads = this.own.map((memory) => {
      const values = new BigInt64Array((memory.bytes - CALLS) / 8);
      memory.read(CALLS, values);
      return values;
    });
    let at = 0;
    return this.rounds.map(({ calls }) => calls.map((call) => {
      const taken = threads.reduce((sum, values) => sum + Number(values[(at + CALL.clocks) / 8]), 0);
      at += CALL.bytes + ARGUMENT.bytes * call.arguments(0).length;
      return taken;
    }));
  }

  free(): void {
    for (const memory of this.own) memory.free();
    this.shared.free();
    this.code.free();
  }
}
