import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import protobuf from 'protobufjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { crc32c } from '../../../extension/core/tensorboard/crc32c';
import { readExternalRecords } from '../../../extension/core/library/external/external-source';
import { ExternalRuns } from '../../../extension/core/library/external/read-external';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'mim-external-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function write(name: string, content: string | Uint8Array): Promise<string> {
  const file = path.join(folder, name);
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, content);
  return file;
}

/** Bit by bit, unlike the product's table. */
function checksum(bytes: Uint8Array): number {
  let value = 0xffffffffn;
  for (const byte of bytes) {
    value ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++) value = value & 1n ? (value >> 1n) ^ 0x82f63b78n : value >> 1n;
  }
  const plain = value ^ 0xffffffffn;
  return Number((((plain >> 15n) | (plain << 17n)) + 0xa282ead8n) & 0xffffffffn);
}

function frame(message: Uint8Array): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(message.byteLength));
  const sum = (bytes: Uint8Array) => {
    const four = Buffer.alloc(4);
    four.writeUInt32LE(checksum(bytes));
    return four;
  };
  return Buffer.concat([length, sum(length), message, sum(message)]);
}

/** An event with one scalar, field by field as event.proto, summary.proto and tensor.proto number them. */
function scalar(step: number, tag: string, value: number, how: 'simple' | 'float_val' | 'tensor_content'): Buffer {
  const entry = protobuf.Writer.create().uint32(10).string(tag);
  if (how === 'simple') entry.uint32(21).float(value);
  else {
    const tensor = protobuf.Writer.create().uint32(8).int32(1);
    if (how === 'float_val') tensor.uint32(42).bytes(new Uint8Array(new Float32Array([value]).buffer));
    else tensor.uint32(34).bytes(new Uint8Array(new Float32Array([value]).buffer));
    entry.uint32(66).bytes(tensor.finish());
  }
  const summary = protobuf.Writer.create().uint32(10).bytes(entry.finish()).finish();
  return frame(protobuf.Writer.create().uint32(9).double(1.7e9 + step).uint32(16).int64(step).uint32(42).bytes(summary).finish());
}

const version = frame(protobuf.Writer.create().uint32(9).double(1.7e9).uint32(26).string('brain.Event:2').finish());

describe('TensorBoard', () => {
  const name = 'run/events.out.tfevents.1700000000.host';
  const steps = [scalar(0, 'train/loss', 2.5, 'simple'), scalar(0, 'lr', 0.125, 'tensor_content'), scalar(10, 'train/loss', 1.5, 'float_val')];
  const expected = [{ step: 0, loss: 2.5, lr: 0.125 }, { step: 10, loss: 1.5 }];

  it('has the checksum of the published test vector', () => {
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
  });

  it('reads scalars as TensorFlow 1, TensorFlow 2 and PyTorch write them, under the names used here', async () => {
    expect(await readExternalRecords(await write(name, Buffer.concat([version, ...steps])), 'tensorboard')).toMatchObject(expected);
  });

  it('reads what is whole of a file that is being written', async () => {
    const whole = Buffer.concat([version, ...steps]);
    expect(await readExternalRecords(await write(name, whole.subarray(0, whole.byteLength - 3)), 'tensorboard')).toMatchObject([expected[0]!]);
  });

  it('reads nothing behind a damaged frame, though its bytes would decode', async () => {
    const whole = Buffer.concat([version, ...steps]);
    const at = whole.byteLength - 8;
    whole[at] = whole[at]! ^ 1;
    expect(await readExternalRecords(await write(name, whole), 'tensorboard')).toHaveLength(1);
  });

  it('shows a file of that name that holds no events, with what is wrong', async () => {
    await write(name, Buffer.alloc(1000, 7));
    expect((await new ExternalRuns().read([folder]))[0]?.problem).toContain('checksum');
  });
});

describe('log.txt of MAE and its relatives', () => {
  it('takes an epoch a line, NaN as Python writes it, and passes over what is no record', async () => {
    const file = await write('mae/log.txt', '{"train_loss": 0.75, "train_lr": 1e-4, "epoch": 0, "test_acc1": 41.5}\nstarted\n{"train_loss": NaN, "epoch": 1}\n{"train_lo');
    expect(await readExternalRecords(file, 'mae-log')).toMatchObject([{ loss: 0.75, lr: 1e-4, epoch: 0, step: 0 }, { loss: Number.NaN, epoch: 1, step: 1 }]);
    expect((await new ExternalRuns().read([folder]))[0]).toMatchObject({ id: 'mae', origin: 'mae-log', state: 'external', last: { step: 1 }, evaluations: [{ protocol: 'reported', top1: 0.415 }] });
  });
});

describe('CSV', () => {
  it('takes a column a metric, and an empty cell for nothing', async () => {
    const file = await write('lit/metrics.csv', 'step,train_loss,val_loss,note\n0,1.5,,a\n5,,0.25,b\n10,"0.5",nan,c\n');
    const records = await readExternalRecords(file, 'csv');
    expect(records).toEqual([{ step: 0, loss: 1.5 }, { step: 5, val_loss: 0.25 }, { step: 10, loss: 0.5 }]);
    expect((await new ExternalRuns().read([folder]))[0]?.last).toEqual({ step: 10, loss: 0.5 });
  });

  it('is no run where it holds no metrics', async () => {
    await write('labels.csv', 'file,label\na.jpg,3\n');
    expect(await new ExternalRuns().read([folder])).toEqual([]);
  });
});

describe('looking for runs', () => {
  it('finds files in folders, a file given by itself, and nothing where the place is away', async () => {
    const log = await write('a/b/log.txt', '{"train_loss": 1, "epoch": 0}\n');
    await write('a/node_modules/log.txt', '{"train_loss": 1, "epoch": 0}\n');
    const keys = async (...places: string[]) => (await new ExternalRuns().read(places)).map(({ key }) => key);
    expect(await keys(folder)).toEqual([log]);
    expect(await keys(log, folder)).toEqual([log]);
    expect(await keys(path.join(folder, 'gone'))).toEqual([]);
  });

  it('sees a record that was added', async () => {
    const file = await write('mae/log.txt', '{"train_loss": 1, "epoch": 0, "test_acc1": 10}\n');
    const runs = new ExternalRuns();
    expect((await runs.read([folder]))[0]?.evaluations).toHaveLength(1);
    await writeFile(file, '{"train_loss": 1, "epoch": 0, "test_acc1": 10}\n{"train_loss": 1, "epoch": 1, "test_acc1": 20}\n');
    expect((await runs.read([folder]))[0]?.evaluations).toHaveLength(2);
  });
});
