/** The messages in TensorBoard's event files: those fields of tensorflow/core/util/event.proto that scalars need. */
import protobuf from 'protobufjs';

export interface SummaryValue {
  readonly tag?: string;
  readonly simpleValue?: number;
  readonly tensor?: { readonly dtype?: number; readonly tensorContent?: Uint8Array; readonly floatVal?: readonly number[]; readonly doubleVal?: readonly number[] };
}

export interface Event {
  /** Seconds since 1970. */
  readonly wallTime?: number;
  readonly step?: number | { toNumber(): number };
  readonly fileVersion?: string;
  readonly summary?: { readonly value?: readonly SummaryValue[] };
  readonly sessionLog?: { readonly status: number };
}

const eventType = protobuf.Root.fromJSON({
  nested: {
    Event: {
      oneofs: { what: { oneof: ['fileVersion', 'summary', 'sessionLog'] } },
      fields: {
        wallTime: { type: 'double', id: 1 },
        step: { type: 'int64', id: 2 },
        fileVersion: { type: 'string', id: 3 },
        summary: { type: 'Summary', id: 5 },
        sessionLog: { type: 'SessionLog', id: 7 },
      },
    },
    SessionLog: { fields: { status: { type: 'int32', id: 1 } } },
    Summary: { fields: { value: { rule: 'repeated', type: 'Value', id: 1 } } },
    Value: { oneofs: { value: { oneof: ['simpleValue', 'tensor'] } }, fields: { tag: { type: 'string', id: 1 }, simpleValue: { type: 'float', id: 2 }, tensor: { type: 'Tensor', id: 8 } } },
    Tensor: { fields: { dtype: { type: 'int32', id: 1 }, tensorContent: { type: 'bytes', id: 4 }, floatVal: { rule: 'repeated', type: 'float', id: 5 }, doubleVal: { rule: 'repeated', type: 'double', id: 6 } } },
  },
}).lookupType('Event');

/** The first event of every file. */
export const FILE_VERSION = 'brain.Event:2';
/** `SessionLog.status`: whoever reads drops what it has from the event's step on. */
export const SESSION_START = 1;

export function encodeEvent(event: Event): Uint8Array {
  return eventType.encode(eventType.fromObject(event)).finish();
}

/** undefined where the bytes are no message. */
export function decodeEvent(message: Uint8Array): Event | undefined {
  try {
    return eventType.decode(message) as unknown as Event;
  } catch {
    return undefined;
  }
}
