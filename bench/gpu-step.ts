/**
 * The training step on the GPU, as a process of its own: `gpu-step '{"size": {…}, "engine": "wgsl"}'`. Reads lines "<steps>" and
 * answers "<seconds per step>", batches copied up and readings copied down included.
 */
import { createInterface } from 'node:readline';
import { openContestant, type GpuContestant } from './gpu-contestants';
import { stepCase, type StepSize } from './step-case';

export interface GpuStepTask {
  readonly size: StepSize;
  readonly engine: GpuContestant;
}

const { size, engine: name } = JSON.parse(process.argv[2]!) as GpuStepTask;
const { engine, precision } = await openContestant(name);
const { program, state: values, batch } = stepCase(size, { precision });
const compiled = await engine.compile(program);
const state = engine.createState(values);
let step = 0;
for await (const line of createInterface({ input: process.stdin })) {
  const steps = Number(line);
  const batches = Array.from({ length: steps }, () => batch(++step));
  const start = performance.now();
  const readings = await compiled.run(state, batches);
  const seconds = (performance.now() - start) / 1000 / steps;
  const loss = readings.at(-1)!['loss']!.data[0]!;
  if (!Number.isFinite(loss)) throw new Error(`The loss of step ${step} is ${loss}.`);
  console.log(seconds);
}
process.exit();
