/** Steps of a training with `teacher.cache`: in its first epochs, and in those after them, which read from disk what the teacher said. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { HostTensor } from '../extension/core/tensors';
import type { Engine, HostBatch } from '../extension/training/engines/engine';
import { lookingProgram } from '../extension/training/looking-program';
import { RandomStream } from '../extension/training/random';
import { LookRecords, type LookLayout } from '../extension/training/teachers/look-record';
import { LookStore } from '../extension/training/teachers/look-store';
import { lookedCase, trainingCase, type CaseOptions, type StepSize } from './step-case';

/** Runs that many steps and answers seconds per step. */
export type Run = (steps: number) => Promise<number>;

/** A record for each image of this many batches: read in turn, as those of an epoch are. */
const BATCHES = 8;

/** An epoch in which the teacher is asked: of the whole batch, rounded, written, and then the step. */
export async function askingRun(engine: Engine, size: StepSize, options: CaseOptions = {}): Promise<Run> {
  const { method } = trainingCase(size, options);
  const { program, state: values, layout, images, batch } = lookedCase(size, options);
  const [compiled, looks] = [await engine.compile(program), await engine.compile(lookingProgram(method.looking!, images.shape))];
  const [state, none] = [engine.createState(values), engine.createState({})];
  const store = await temporaryStore(layout);
  let step = 0;
  return async (count) => {
    const start = performance.now();
    const batches: HostBatch[] = [];
    for (let i = 0; i < count; i++) {
      const [said] = await looks.run(none, [{ images }]);
      const features = Object.fromEntries(Object.entries(said!).map(([name, { data }]) => [name, data as Float32Array]));
      const records = new LookRecords(layout, size.batch);
      for (let image = 0; image < size.batch; image++) records.put(image, pixelsOf(images, image), features, image);
      await Promise.all(Array.from({ length: size.batch }, (_, image) => store.write(records, image, { view: 0, index: image })));
      batches.push(batch(++step, records.looks));
    }
    await compiled.run(state, batches);
    return (performance.now() - start) / 1000 / count;
  };
}

async function temporaryStore(layout: LookLayout): Promise<LookStore> {
  const folder = mkdtempSync(path.join(tmpdir(), 'mim-bench-looks-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  return LookStore.open({ folder, layout, identity: {} });
}

/** An epoch after those: what the teacher said is read from disk, of the next step while one is computed, as trainings do. */
export async function cachedRun(engine: Engine, size: StepSize, options: CaseOptions = {}): Promise<Run> {
  const { program, state: values, layout, images, batch } = lookedCase(size, options);
  const compiled = await engine.compile(program);
  const state = engine.createState(values);
  const store = await temporaryStore(layout);
  await fill(store, images);
  const read = async (step: number): Promise<LookRecords> => {
    const first = (step % BATCHES) * size.batch;
    const records = await store.read(0, Int32Array.from({ length: size.batch }, (_, image) => first + image));
    for (let image = 0; image < size.batch; image++) if (!store.isOf(records, image, { view: 0, index: first + image }, pixelsOf(images, image))) throw new Error('A record that was written is not there.');
    return records;
  };
  let step = 0;
  let next = read(step);
  return async (count) => {
    const start = performance.now();
    for (const end = step + count; step < end; ) {
      const records = await next;
      next = read(++step);
      await compiled.run(state, [batch(step, records.looks)]);
      store.giveBack(records);
    }
    // The reading that this count began is part of its time, as that of its first step was of another's.
    await next;
    return (performance.now() - start) / 1000 / count;
  };
}

/** Numbers as large as features are; what they are does not matter to the time. */
async function fill(store: LookStore, images: HostTensor): Promise<void> {
  const random = new RandomStream(4, 'looks');
  const looks = Object.fromEntries(store.layout.fields.map(({ name, count }) => [name, Float32Array.from({ length: count }, () => random.normal())]));
  const records = new LookRecords(store.layout, 1);
  const batch = images.shape[0]!;
  for (let image = 0; image < BATCHES * batch; image++) {
    records.put(0, pixelsOf(images, image % batch), looks, 0);
    await store.write(records, 0, { view: 0, index: image });
  }
}

function pixelsOf({ shape, data }: HostTensor, image: number): Float32Array {
  const count = data.length / shape[0]!;
  return (data as Float32Array).subarray(image * count, (image + 1) * count);
}
