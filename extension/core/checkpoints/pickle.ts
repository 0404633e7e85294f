/**
 * An interpreter of pickles that cannot run anything: of Python's stack machine, the operations that build data, over
 * the names of pickle-globals.ts. Pickles nest by references on a stack, not by recursion here, so depth is harmless;
 * a budget of operations bounds time and memory.
 *
 * Operations: Python's Lib/pickletools.py, protocols 2 to 5.
 */
import { callGlobal, expectKind, isAllowedGlobal, persistentStorage, PickleError } from './pickle-globals';
import type { PickleDict, PickleTuple, PickleValue } from './pickle-values';

/** State dicts of the largest vision transformers need fewer than 100,000. */
const MAX_OPERATIONS = 2_000_000;

/** Where a MARK was set; never leaves the stack. */
const MARK = Symbol('mark');
type StackItem = PickleValue | typeof MARK;

/**
 * @returns the object the pickle describes.
 * @throws PickleError where it is damaged, mentions a name outside the whitelist, or is unreasonably large.
 */
export function readPickle(bytes: Uint8Array): PickleValue {
  return new PickleMachine(bytes).run();
}

class PickleMachine {
  private readonly data: DataView;
  private readonly stack: StackItem[] = [];
  private readonly memo = new Map<number, PickleValue>();
  private at = 0;
  private budget = MAX_OPERATIONS;

  constructor(private readonly bytes: Uint8Array) {
    this.data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  run(): PickleValue {
    for (;;) {
      const code = this.uint(1);
      if (code === STOP) return this.pop();
      const operation = operations[code];
      if (operation === undefined) throw new PickleError(`it uses the operation 0x${code.toString(16)}, which weights do not need`);
      this.spend(1);
      operation(this);
    }
  }

  /** Copies count too, so that no reference can be expanded over and over. */
  spend(operationsDone: number): void {
    this.budget -= operationsDone;
    if (this.budget < 0) throw new PickleError('it is unreasonably large');
  }

  // The bytes

  take(length: number): Uint8Array {
    if (length > this.bytes.byteLength - this.at) throw new PickleError('it is cut short');
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  /** Little-endian, 1, 2, 4 or 8 bytes. */
  uint(size: 1 | 2 | 4 | 8): number {
    const at = this.at;
    this.take(size);
    switch (size) {
      case 1:
        return this.data.getUint8(at);
      case 2:
        return this.data.getUint16(at, true);
      case 4:
        return this.data.getUint32(at, true);
      case 8:
        return Number(this.data.getBigUint64(at, true));
    }
  }

  int32(): number {
    return this.uint(4) | 0;
  }

  float(): number {
    const at = this.at;
    this.take(8);
    return this.data.getFloat64(at, false);
  }

  text(length: number): string {
    return new TextDecoder().decode(this.take(length));
  }

  line(): string {
    const end = this.bytes.indexOf(0x0a, this.at);
    if (end < 0) throw new PickleError('it is cut short');
    const text = this.text(end - this.at);
    this.at = end + 1;
    return text;
  }

  /** Two's complement of any length; no weight file counts beyond 64 bits. */
  long(length: number): number | bigint {
    if (length > 8) throw new PickleError('it holds an integer beyond 64 bits');
    let value = 0n;
    for (const [index, byte] of this.take(length).entries()) value |= BigInt(byte) << BigInt(8 * index);
    const signed = BigInt.asIntN(8 * length, value);
    return Number.isSafeInteger(Number(signed)) ? Number(signed) : signed;
  }

  // The stack

  push(value: PickleValue): void {
    this.stack.push(value);
  }

  mark(): void {
    this.stack.push(MARK);
  }

  pop(): PickleValue {
    const value = this.stack.pop();
    if (value === undefined || value === MARK) throw new PickleError('its operations do not fit together');
    return value;
  }

  discard(): void {
    if (this.stack.pop() === undefined) throw new PickleError('its operations do not fit together');
  }

  top(): PickleValue {
    const value = this.stack.at(-1);
    if (value === undefined || value === MARK) throw new PickleError('its operations do not fit together');
    return value;
  }

  /** Everything above the last mark, which goes too. */
  popToMark(): PickleValue[] {
    const start = this.stack.lastIndexOf(MARK);
    if (start < 0) throw new PickleError('its operations do not fit together');
    const items = this.stack.splice(start);
    this.spend(items.length);
    return items.slice(1) as PickleValue[];
  }

  popMany(count: number): PickleTuple {
    const items = Array.from({ length: count }, () => this.pop());
    return { kind: 'tuple', items: items.reverse() };
  }

  // Memory of what was built

  remember(index: number): void {
    this.memo.set(index, this.top());
  }

  rememberNext(): void {
    this.remember(this.memo.size);
  }

  recall(index: number): void {
    const value = this.memo.get(index);
    if (value === undefined) throw new PickleError('it refers to something it never made');
    this.push(value);
  }

  // Building

  global(module: PickleValue, name: PickleValue): void {
    if (typeof module !== 'string' || typeof name !== 'string' || module.length + name.length > 200) throw new PickleError('it mentions a name that is none');
    const full = `${module}.${name}`;
    if (!isAllowedGlobal(full)) throw new PickleError(`it mentions ${full}, which weights do not need and which is refused; nothing was run`);
    this.push({ kind: 'global', name: full });
  }

  append(values: readonly PickleValue[]): void {
    const { items } = expectKind(this.top(), 'list');
    for (const value of values) items.push(value);
  }

  setItems(pairs: readonly PickleValue[]): void {
    const { entries } = expectKind(this.top(), 'dict');
    setPairs(entries, pairs);
  }

  call(): void {
    const args = expectKind(this.pop(), 'tuple');
    const { name } = expectKind(this.pop(), 'global');
    const [first] = args.items;
    if (first !== null && typeof first === 'object' && 'items' in first) this.spend(first.items.length);
    this.push(callGlobal(name, args));
  }

  /** Attributes of an object: `_metadata` of a state dict, the entries of a Namespace. None matters. */
  build(): void {
    this.pop();
    this.top();
  }
}

function setPairs(entries: PickleDict['entries'], pairs: readonly PickleValue[]): void {
  if (pairs.length % 2 !== 0) throw new PickleError('it has a key without a value');
  for (let i = 0; i < pairs.length; i += 2) entries.set(pairs[i]!, pairs[i + 1]!);
}

function dictOf(pairs: readonly PickleValue[]): PickleDict {
  const entries: PickleDict['entries'] = new Map();
  setPairs(entries, pairs);
  return { kind: 'dict', entries };
}

/** Sets are kept as lists; nothing here asks for their order or uniqueness. */
const newList = (items: PickleValue[] = []): PickleValue => ({ kind: 'list', items });

const STOP = 0x2e;

const operations: Readonly<Record<number, (machine: PickleMachine) => void>> = {
  // PROTO and FRAME say how the rest is packed; nothing depends on it here.
  0x80: (m) => m.take(1),
  0x95: (m) => m.take(8),

  0x28: (m) => m.mark(),
  0x30: (m) => m.discard(),
  0x31: (m) => m.popToMark(),
  0x32: (m) => m.push(m.top()),

  // Constants: NONE NEWTRUE NEWFALSE BININT BININT1 BININT2 LONG1 LONG4 BINFLOAT
  0x4e: (m) => m.push(null),
  0x88: (m) => m.push(true),
  0x89: (m) => m.push(false),
  0x4a: (m) => m.push(m.int32()),
  0x4b: (m) => m.push(m.uint(1)),
  0x4d: (m) => m.push(m.uint(2)),
  0x8a: (m) => m.push(m.long(m.uint(1))),
  0x8b: (m) => m.push(m.long(m.uint(4))),
  0x47: (m) => m.push(m.float()),

  // Text: BINUNICODE SHORT_BINUNICODE BINUNICODE8; Python 2's SHORT_BINSTRING BINSTRING
  0x58: (m) => m.push(m.text(m.uint(4))),
  0x8c: (m) => m.push(m.text(m.uint(1))),
  0x8d: (m) => m.push(m.text(m.uint(8))),
  0x55: (m) => m.push(m.text(m.uint(1))),
  0x54: (m) => m.push(m.text(m.uint(4))),

  // Bytes: SHORT_BINBYTES BINBYTES BINBYTES8 BYTEARRAY8
  0x43: (m) => m.push(m.take(m.uint(1))),
  0x42: (m) => m.push(m.take(m.uint(4))),
  0x8e: (m) => m.push(m.take(m.uint(8))),
  0x96: (m) => m.push(m.take(m.uint(8))),

  // Lists: EMPTY_LIST LIST APPEND APPENDS; sets: EMPTY_SET ADDITEMS FROZENSET
  0x5d: (m) => m.push(newList()),
  0x6c: (m) => m.push(newList(m.popToMark())),
  0x61: (m) => m.append([m.pop()]),
  0x65: (m) => m.append(m.popToMark()),
  0x8f: (m) => m.push(newList()),
  0x90: (m) => m.append(m.popToMark()),
  0x91: (m) => m.push(newList(m.popToMark())),

  // Tuples: EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3
  0x29: (m) => m.push({ kind: 'tuple', items: [] }),
  0x74: (m) => m.push({ kind: 'tuple', items: m.popToMark() }),
  0x85: (m) => m.push(m.popMany(1)),
  0x86: (m) => m.push(m.popMany(2)),
  0x87: (m) => m.push(m.popMany(3)),

  // Dicts: EMPTY_DICT DICT SETITEM SETITEMS
  0x7d: (m) => m.push(dictOf([])),
  0x64: (m) => m.push(dictOf(m.popToMark())),
  0x73: (m) => m.setItems(m.popMany(2).items),
  0x75: (m) => m.setItems(m.popToMark()),

  // Memo: BINPUT LONG_BINPUT MEMOIZE BINGET LONG_BINGET
  0x71: (m) => m.remember(m.uint(1)),
  0x72: (m) => m.remember(m.uint(4)),
  0x94: (m) => m.rememberNext(),
  0x68: (m) => m.recall(m.uint(1)),
  0x6a: (m) => m.recall(m.uint(4)),

  // Objects: GLOBAL STACK_GLOBAL BINPERSID REDUCE NEWOBJ BUILD
  0x63: (m) => {
    const module = m.line();
    m.global(module, m.line());
  },
  0x93: (m) => {
    const [module, name] = m.popMany(2).items as [PickleValue, PickleValue];
    m.global(module, name);
  },
  0x51: (m) => m.push(persistentStorage(m.pop())),
  0x52: (m) => m.call(),
  0x81: (m) => m.call(),
  0x62: (m) => m.build(),
};
