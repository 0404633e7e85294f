/**
 * Writes ONNX models: the few messages of onnx.proto that a graph needs, in protobuf's wire format. A message is kept as
 * a list of chunks and joined once at the end, so that large constants are copied only once.
 */
import { UserError } from '../../../core/problems';
import type { Dtype } from './ir';

export type OnnxType = Dtype | 'int64';

/** TensorProto.DataType */
export const onnxTypes: Readonly<Record<OnnxType, number>> = { float32: 1, int8: 3, int32: 6, int64: 7, bool: 9 };

const maxModelBytes = 0x7fff_ffff;

type Chunks = Uint8Array[];

function varint(number: number): number[] {
  const bytes: number[] = [];
  if (number >= 0 && number <= 0x7fff_ffff) {
    // Nearly all: tags, lengths and sizes.
    let rest = number;
    for (; rest > 127; rest >>>= 7) bytes.push((rest & 127) | 128);
    bytes.push(rest);
    return bytes;
  }
  let rest = BigInt.asUintN(64, BigInt(number));
  while (rest > 127n) {
    bytes.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return bytes;
}

function lengthOf(chunks: Chunks): number {
  return chunks.reduce((total, chunk) => total + chunk.byteLength, 0);
}

function integer(field: number, value: number): Chunks {
  return [Uint8Array.from([...varint(field << 3), ...varint(value)])];
}

function message(field: number, chunks: Chunks): Chunks {
  return [Uint8Array.from([...varint((field << 3) | 2), ...varint(lengthOf(chunks))]), ...chunks];
}

function text(field: number, value: string): Chunks {
  return message(field, [Buffer.from(value)]);
}

function float(field: number, value: number): Chunks {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return [Uint8Array.from(varint((field << 3) | 5)), bytes];
}

/** An attribute's value. `{ float }` tells 1.0 from 1. */
export type OnnxAttribute = number | { readonly float: number } | string | readonly number[] | OnnxGraph;

function attribute(name: string, value: OnnxAttribute): Chunks {
  const head = text(1, name);
  if (value instanceof OnnxGraph) return [...head, ...message(6, value.chunks()), ...integer(20, 5)];
  if (typeof value === 'string') return [...head, ...text(4, value), ...integer(20, 3)];
  if (typeof value === 'number') return [...head, ...integer(3, value), ...integer(20, 2)];
  if ('float' in value) return [...head, ...float(2, value.float), ...integer(20, 1)];
  return [...head, ...value.flatMap((item) => integer(8, item)), ...integer(20, 7)];
}

/** A size, or the name of one that is known only when the model runs. */
export type OnnxSize = number | string;

/** Without a shape, any. */
function valueInfo(name: string, dtype: OnnxType, shape?: readonly OnnxSize[]): Chunks {
  const sizes = shape?.flatMap((size) => message(1, typeof size === 'string' ? text(2, size) : integer(1, size)));
  return [...text(1, name), ...message(2, message(1, [...integer(1, onnxTypes[dtype]), ...(sizes ? message(2, sizes) : [])]))];
}

export class OnnxGraph {
  private readonly nodes: Chunks = [];
  private readonly initializers: Chunks = [];
  private readonly inputs: Chunks = [];
  private readonly outputs: Chunks = [];
  private nodeCount = 0;

  constructor(private readonly name: string) {}

  node(op: string, inputs: readonly string[], outputs: readonly string[], attributes: Readonly<Record<string, OnnxAttribute>> = {}, domain = ''): void {
    const body = [
      ...inputs.flatMap((name) => text(1, name)),
      ...outputs.flatMap((name) => text(2, name)),
      ...text(3, `${op}_${this.nodeCount++}`),
      ...text(4, op),
      ...Object.entries(attributes).flatMap(([name, value]) => message(5, attribute(name, value))),
      ...(domain ? text(7, domain) : []),
    ];
    // Joined at once: thousands of nodes have dozens of chunks each.
    this.nodes.push(Buffer.concat(message(1, body)));
  }

  /** The data is referred to, not copied, until the model is written. */
  initializer(name: string, dtype: OnnxType, shape: readonly number[], data: ArrayBufferView): void {
    const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const body = [...shape.flatMap((size) => integer(1, size)), ...integer(2, onnxTypes[dtype]), ...text(8, name), ...message(9, [raw])];
    this.initializers.push(...message(5, body));
  }

  input(name: string, dtype: OnnxType, shape?: readonly OnnxSize[]): void {
    this.inputs.push(...message(11, valueInfo(name, dtype, shape)));
  }

  output(name: string, dtype: OnnxType, shape?: readonly OnnxSize[]): void {
    this.outputs.push(...message(12, valueInfo(name, dtype, shape)));
  }

  chunks(): Chunks {
    return [...this.nodes, ...text(2, this.name), ...this.initializers, ...this.inputs, ...this.outputs];
  }
}

function operatorSet(domain: string, version: number): Chunks {
  return message(8, [...text(1, domain), ...integer(2, version)]);
}

export interface OnnxModelOptions {
  readonly irVersion: number;
  /** Versions of the operator sets, by domain; the standard one is ''. */
  readonly operatorSets: Readonly<Record<string, number>>;
  /** `metadata_props`: what a reader finds beside the graph. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** What is too large, where it is. */
  readonly tooLarge: (gigabytes: string) => UserError;
}

/** A program of the compiled engine, for the runtime of this product. */
const COMPILED_PROGRAM: OnnxModelOptions = {
  irVersion: 10,
  operatorSets: { '': 20, 'com.microsoft': 1 },
  tooLarge: (gigabytes) =>
    new UserError('MIM4002', `The frozen weights of this experiment take ${gigabytes} GB; a compiled program holds at most 2 GB.`, 'Use a smaller teacher.'),
};

/** @throws UserError `tooLarge` where the model is larger than the format allows (2 GB). */
export function writeModel(graph: OnnxGraph, { irVersion, operatorSets, metadata = {}, tooLarge }: OnnxModelOptions = COMPILED_PROGRAM): Uint8Array {
  const chunks = [
    ...integer(1, irVersion),
    ...text(2, 'mim'),
    ...message(7, graph.chunks()),
    ...Object.entries(operatorSets).flatMap(([domain, version]) => operatorSet(domain, version)),
    ...Object.entries(metadata).flatMap(([key, value]) => message(14, [...text(1, key), ...text(2, value)])),
  ];
  const bytes = lengthOf(chunks);
  if (bytes > maxModelBytes) throw tooLarge((bytes / 2 ** 30).toFixed(1));
  return Buffer.concat(chunks, bytes);
}
