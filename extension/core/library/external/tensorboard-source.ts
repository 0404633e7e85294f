/** Scalars of TensorBoard event files, as TensorFlow 1 (`simple_value`) and 2 (`tensor`) and PyTorch write them. */
import { readFile } from 'node:fs/promises';
import type { MetricRecord } from '../../runs/metrics-file';
import { decodeEvent, type Event, type SummaryValue } from '../../tensorboard/event';
import { frameEnd, messageOf } from '../../tensorboard/frame';
import { nameHere } from './record-of';

/** The first event names the file's version; a shorter file may be one whose writer has just begun. */
const LARGEST_HEAD = 256;
const DOUBLE = 2;

/**
 * One record a step, in the order of steps. A frame that is not whole yet ends the file, as does a damaged one behind whole ones.
 * @throws Error where the first frame's checksums do not fit: the file holds no events.
 */
export async function readTensorBoardRecords(file: string): Promise<MetricRecord[]> {
  const bytes = await readFile(file);
  const records = new Map<number, Record<string, number>>();
  for (let at = 0; at < bytes.byteLength; ) {
    const end = frameEnd(bytes, at);
    const event = end === undefined ? undefined : decodeEvent(messageOf(bytes.subarray(at, end)));
    if (end === undefined || event === undefined) {
      if (at === 0 && bytes.byteLength > LARGEST_HEAD) throw new Error('The file is damaged: its first frame does not fit its checksum.');
      break;
    }
    remember(records, event);
    at = end;
  }
  return [...records.values()].sort((a, b) => a.step! - b.step!);
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

function scalarOf({ simpleValue, tensor }: SummaryValue): number | undefined {
  // The prototype's default 0 is no value: only what the message itself carries counts.
  if (tensor === undefined || tensor === null) return simpleValue ?? undefined;
  const listed = tensor.floatVal?.[0] ?? tensor.doubleVal?.[0];
  if (listed !== undefined) return listed;
  const { tensorContent: content, dtype } = tensor;
  if (content === undefined || content.byteLength === 0) return undefined;
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  return dtype === DOUBLE && content.byteLength === 8 ? view.getFloat64(0, true) : content.byteLength === 4 ? view.getFloat32(0, true) : undefined;
}
