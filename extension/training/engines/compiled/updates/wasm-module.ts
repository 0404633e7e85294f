/** As much of WebAssembly's binary format as passes over arrays need: functions of numbers over one memory, without branches but one loop. */

export const I32 = 0x7f;
export const F32 = 0x7d;
export const V128 = 0x7b;

/** Bytes of instructions, after the specification's index of instructions. */
export const op = {
  loop: 0x03, end: 0x0b, branchIf: 0x0d, void: 0x40,
  get: 0x20, set: 0x21, tee: 0x22,
  i32Const: 0x41, i32Less: 0x49, i32Add: 0x6a,
  f32Const: 0x43,
} as const;

/** Of 128 bits; each follows the byte 0xfd. */
export const simd = { load: 0x00, store: 0x0b, splat: 0x13, abs: 0xe0, neg: 0xe1, sqrt: 0xe3, add: 0xe4, sub: 0xe5, mul: 0xe6, div: 0xe7 } as const;

/** LEB128. @param value not negative */
export function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  do {
    const low = rest % 128;
    rest = Math.floor(rest / 128);
    bytes.push(rest > 0 ? low + 128 : low);
  } while (rest > 0);
  return bytes;
}

/** LEB128 of a signed number, which here is not negative: its highest bit must not look like a sign. */
export function signed(value: number): number[] {
  const bytes = unsigned(value);
  if ((bytes.at(-1)! & 0x40) === 0) return bytes;
  return [...bytes.slice(0, -1), bytes.at(-1)! | 0x80, 0];
}

export function vector(instruction: number): number[] {
  return [0xfd, ...unsigned(instruction)];
}

function list(items: readonly (readonly number[])[]): number[] {
  return [...unsigned(items.length), ...items.flat()];
}

function sized(bytes: readonly number[]): number[] {
  return [...unsigned(bytes.length), ...bytes];
}

function text(value: string): number[] {
  return sized([...new TextEncoder().encode(value)]);
}

export interface WasmFunction {
  readonly parameters: readonly number[];
  /** Types of the locals after the parameters. */
  readonly locals: readonly number[];
  /** Without the `end` of the function. */
  readonly body: readonly number[];
}

/** Functions without a result, exported as `0`, `1`, …, over the memory `host.memory`, which is imported. */
export function wasmModule(functions: readonly WasmFunction[]): Uint8Array<ArrayBuffer> {
  const section = (id: number, content: readonly number[]): number[] => [id, ...sized(content)];
  const types = functions.map(({ parameters }) => [0x60, ...list(parameters.map((type) => [type])), 0]);
  const memory = [...text('host'), ...text('memory'), 0x02, 0x00, ...unsigned(1)];
  const exported = functions.map((_, i) => [...text(String(i)), 0x00, ...unsigned(i)]);
  const code = functions.map(({ locals, body }) => sized([...list(locals.map((type) => [...unsigned(1), type])), ...body, op.end]));
  return Uint8Array.from([
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00,
    ...section(1, list(types)),
    ...section(2, list([memory])),
    ...section(3, list(functions.map((_, i) => unsigned(i)))),
    ...section(7, list(exported)),
    ...section(10, list(code)),
  ]);
}
