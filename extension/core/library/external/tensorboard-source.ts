/**
 * TensorBoard event files: frames of length (uint64), its checksum (4 bytes), an `Event` message and its checksum (4 bytes).
 * Scalars are read, as TensorFlow 1 (`simple_value`) and 2 (`tensor`) and PyTorch write them.
 */
import { readFile } from 'node:fs/promises';
import protobuf from 'protobufjs';
import type { MetricRecord } from '../../runs/metrics-file';
import { nameHere } from './record-of';

interface Value {
  readonly tag?: string;
  readonly simpleValue?: number;
  readonly tensor?: { readonly dtype?: number; readonly tensorContent?: Uint8Array; readonly floatVal?: readonly number[]; readonly doubleVal?: readonly number[] };
}
interface Event {
  readonly wallTime?: number;
  readonly step?: number | { toNumber(): number };
  readonly summary?: { readonly value?: readonly Value[] };
}

/** The fields of tensorflow/core/util/event.proto and the messages in it that scalars need. */
const eventType = protobuf.Root.fromJSON({
  nested: {
    Event: { fields: { wallTime: { type: 'double', id: 1 }, step: { type: 'int64', id: 2 }, summary: { type: 'Summary', id: 5 } } },
    Summary: { fields: { value: { rule: 'repeated', type: 'Value', id: 1 } } },
    Value: { oneofs: { value: { oneof: ['simpleValue', 'tensor'] } }, fields: { tag: { type: 'string', id: 1 }, simpleValue: { type: 'float', id: 2 }, tensor: { type: 'Tensor', id: 8 } } },
    Tensor: { fields: { dtype: { type: 'int32', id: 1 }, tensorContent: { type: 'bytes', id: 4 }, floatVal: { rule: 'repeated', type: 'float', id: 5 }, doubleVal: { rule: 'repeated', type: 'double', id: 6 } } },
  },
}).lookupType('Event');

const HEADER = 12;
const FOOTER = 4;
const DOUBLE = 2;

/** One record a step, in the order of steps. What follows a torn or damaged frame is not read. */
export async function readTensorBoardRecords(file: string): Promise<MetricRecord[]> {
  const bytes = await readFile(file);
  const records = new Map<number, Record<string, number>>();
  for (let at = 0; at + HEADER <= bytes.byteLength; ) {
    const length = Number(bytes.readBigUInt64LE(at));
    const end = at + HEADER + length + FOOTER;
    const event = end > bytes.byteLength ? undefined : decode(bytes.subarray(at + HEADER, end - FOOTER));
    if (event === undefined) break;
    remember(records, event);
    at = end;
  }
  return [...records.values()].sort((a, b) => a.step! - b.step!);
}

function decode(message: Uint8Array): Event | undefined {
  try {
    return eventType.decode(message) as unknown as Event;
  } catch {
    return undefined;
  }
}

function remember(records: Map<number, Record<string, number>>, { wallTime, step = 0, summary }: Event): void {
  for (const value of summary?.value ?? []) {
    const scalar = scalarOf(value);
    if (scalar === undefined || value.tag === undefined) continue;
    const at = typeof step === 'number' ? step : step.toNumber();
    const record = records.get(at) ?? { step: at, time: wallTime ?? Number.NaN };
    record[nameHere(value.tag)] = scalar;
    records.set(at, record);
  }
}

function scalarOf({ simpleValue, tensor }: Value): number | undefined {
  // The prototype's default 0 is no value: only what the message itself carries counts.
  if (tensor === undefined || tensor === null) return simpleValue ?? undefined;
  const listed = tensor.floatVal?.[0] ?? tensor.doubleVal?.[0];
  if (listed !== undefined) return listed;
  const { tensorContent: content, dtype } = tensor;
  if (content === undefined || content.byteLength === 0) return undefined;
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  return dtype === DOUBLE && content.byteLength === 8 ? view.getFloat64(0, true) : content.byteLength === 4 ? view.getFloat32(0, true) : undefined;
}
