/**
 * Does data loading keep the step busy? Images a second of training as the product does it, images decoded and cropped in
 * threads while the step runs, beside the same steps on images that are there already, in alternated rounds; and what the
 * loader does alone, on one thread, beside one process that loads them by PIL and numpy as torchvision does (where MIM_PYTHON or a python3
 * has these).
 *
 * With `--limit` the images are so few that they come again after the first rounds, as in the epochs after a training's first.
 *
 *   npm run bench:pipeline -- --data DIR [--limit 512] [--size tiny] [--rounds 5] [--steps 8] [--threads 2] [--ahead 5] [--json bench-pipeline.json]
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { ImageLoader, type TrainBatch } from '../extension/training/data/loader';
import { openImageSource } from '../extension/training/data/open-source';
import { createStepRunner } from '../extension/training/step-runner';
import { timelineOf } from '../extension/training/timeline';
import { asking } from './asked-process';
import { cpuEngine } from './cpu-engine';
import { processor } from './machine';
import { median } from './median';
import { stepSizes, trainingCase, type StepSizeName } from './step-case';

const { values: options } = parseArgs({
  options: {
    data: { type: 'string' },
    limit: { type: 'string' },
    size: { type: 'string', default: 'tiny' },
    rounds: { type: 'string', default: '5' },
    steps: { type: 'string', default: '8' },
    threads: { type: 'string', default: String(availableParallelism()) },
    ahead: { type: 'string', default: '5' },
    json: { type: 'string' },
  },
});
if (options.data === undefined) throw new Error('--data names a folder of images.');
const size = stepSizes[options.size as StepSizeName];
if (!size) throw new Error(`--size is one of ${Object.keys(stepSizes).join(', ')}`);
const [rounds, steps, threads] = [Number(options.rounds), Number(options.steps), Number(options.threads)];
/** As the trainer does where a step takes less than a second or so. */
const AT_ONCE = 4;

const { experiment, method, programs } = trainingCase(size, { data: { path: path.resolve(options.data), ...(options.limit !== undefined && { limit: Number(options.limit) }) } });
const source = await openImageSource(experiment.data, 'train', 0);
/** Wherever the folder lies. */
const described = source.describe().replace(path.resolve(options.data), path.basename(options.data));
const threadFile = path.join(import.meta.dirname, 'loader-thread.mjs');
const loader = new ImageLoader(source, { config: experiment.data, batchSize: size.batch, seed: 0, threadFile });
const engine = await cpuEngine(threads);
const timeline = timelineOf(experiment, source.length);
const runner = await createStepRunner(engine, programs, method, experiment, timeline);
const state = engine.createState(programs.initialState(0));

/** Images a second of so many steps whose batches the loader makes meanwhile. */
async function whole(batches: AsyncIterator<TrainBatch>): Promise<number> {
  const begun = performance.now();
  for (let done = 0; done < steps; done += AT_ONCE) {
    const group: TrainBatch[] = [];
    for (let i = 0; i < AT_ONCE; i++) group.push((await batches.next()).value as TrainBatch);
    await runner.run(state, group);
    for (const used of group) loader.giveBack(used);
  }
  return rate(begun);
}

async function stepAlone(group: readonly TrainBatch[]): Promise<number> {
  const begun = performance.now();
  for (let done = 0; done < steps; done += AT_ONCE) await runner.run(state, group);
  return rate(begun);
}

function rate(begun: number): number {
  return (1000 * steps * size!.batch) / (performance.now() - begun);
}

/** Batches until a new thread's code is compiled as well as it will be; PIL's process has loaded some before too. */
const WARM_UP = 6;

/** Images a second of the loader alone, on one thread. */
async function loadingAlone(): Promise<number> {
  const alone = new ImageLoader(source, { config: { ...experiment.data, threads: 1 }, batchSize: size!.batch, seed: 1, threadFile });
  const batches = alone.trainBatches(0, WARM_UP + steps + 2);
  for (let i = 0; i < WARM_UP; i++) alone.giveBack((await batches.next()).value as TrainBatch);
  const begun = performance.now();
  for (let i = 0; i < steps; i++) alone.giveBack((await batches.next()).value as TrainBatch);
  const found = rate(begun);
  await alone.close();
  return found;
}

/** Seconds in which so many images are loaded by PIL; undefined where there is none. */
function pil(): ((images: number) => Promise<number>) | undefined {
  const python = [process.env['MIM_PYTHON'], 'python3', '/usr/bin/python3'].find((name) => name !== undefined && spawnSync(name, ['-c', 'import PIL, numpy']).status === 0);
  if (python === undefined) {
    console.log('PIL and numpy are not installed; the loader is measured alone.');
    return undefined;
  }
  const { image_size: side, crop_scale: scale, crop_ratio: ratio, flip, mean, std } = experiment.data;
  const loading = asking(python, ['bench/load_pil.py', JSON.stringify({ path: path.resolve(options.data!), side, scale, ratio, flip, mean, std })]);
  return (images) => loading.ask(String(images));
}

const byPil = pil();
await byPil?.(size.batch);

// More than are used: the last are on their way when the measurement ends.
const batches = loader.trainBatches(0, (rounds + 1) * steps + AT_ONCE + 4, () => Number(options.ahead));
const held: TrainBatch[] = [];
for (let i = 0; i < AT_ONCE; i++) held.push((await batches.next()).value as TrainBatch);
await whole(batches);
const measured: { whole: number; stepAlone: number; loadingAlone: number; pil?: number }[] = [];
for (let round = 0; round < rounds; round++) {
  const found = { whole: await whole(batches), stepAlone: await stepAlone(held), loadingAlone: await loadingAlone() };
  measured.push({ ...found, ...(byPil && { pil: (steps * size.batch) / (await byPil(steps * size.batch)) }) });
}
const ratio = median(measured.map((found) => found.whole / found.stepAlone));
console.log(`${options.size}: ${described}`);
console.log(`training ${median(measured.map((found) => found.whole)).toFixed(1)} images/s, steps alone ${median(measured.map((found) => found.stepAlone)).toFixed(1)}: ${(100 * ratio).toFixed(1)} % (median of ${rounds} rounds of ${steps} steps)`);
const ofPil = byPil ? `; PIL, one process: ${median(measured.map(({ pil: rate }) => rate!)).toFixed(0)}` : '';
console.log(`loading alone, one thread: ${median(measured.map((found) => found.loadingAlone)).toFixed(0)} images/s${ofPil}`);
if (options.json) writeFileSync(options.json, `${JSON.stringify({ size: options.size, images: described, steps, threads, cpu: processor(), measured }, undefined, 2)}\n`);
process.exit();
