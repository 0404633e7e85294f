/**
 * TensorBoard event files: frames of length (uint64), its checksum (4 bytes), an `Event` message and its checksum (4 bytes).
 * Scalars are read, as TensorFlow 1 (`simple_value`) and 2 (`tensor`) and PyTorch write them.
 */
import { readFile } from 'node:fs/promises';
import protobuf from 'protobufjs';
import type { MetricRecord } from '../../runs/metrics-file';
import { maskedCrc32c } from './crc32c';
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
/** The first event names the file's version; a shorter file may be one whose writer has just begun. */
const LARGEST_HEAD = 256;

/**
 * One record a step, in the order of steps. A frame that is not whole yet ends the file, as does a damaged one behind whole ones.
 * @throws Error where the first frame's checksums do not fit: the file holds no events.
 */
export async function readTensorBoardRecords(file: string): Promise<MetricRecord[]> {
  const bytes = await readFile(file);
  const records = new Map<number, Record<string, number>>();
  for (let at = 0; at + HEADER <= bytes.byteLength; ) {
    const end = frameEnd(bytes, at);
    const event = end === undefined ? undefined : decode(bytes.subarray(at + HEADER, end - FOOTER));
    if (end === undefined || event === undefined) {
      if (at === 0 && bytes.byteLength > LARGEST_HEAD) throw new Error('The file is damaged: its first frame does not fit its checksum.');
      break;
    }
    remember(records, event);
    at = end;
  }
  return [...records.values()].sort((a, b) => a.step! - b.step!);
}

/** Where the frame at `at` ends; undefined where it is torn or its checksums do not fit. */
function frameEnd(bytes: Buffer, at: number): number | undefined {
  if (maskedCrc32c(bytes.subarray(at, at + 8)) !== bytes.readUInt32LE(at + 8)) return undefined;
  const end = at + HEADER + Number(bytes.readBigUInt64LE(at)) + FOOTER;
  if (end > bytes.byteLength) return undefined;
  return maskedCrc32c(bytes.subarray(at + HEADER, end - FOOTER)) === bytes.readUInt32LE(end - FOOTER) ? end : undefined;
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
