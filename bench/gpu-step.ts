/**
 * The training step on the GPU, as a process of its own: `gpu-step '{"size": {…}, "device": "webgpu"}'`. Reads lines "<steps>" and
 * answers "<seconds per step>", batches copied up and readings copied down included.
 */
import { createInterface } from 'node:readline';
import { CompiledEngine, type CompiledEngineOptions } from '../extension/training/engines/compiled/compiled-engine';
import { stepCase, type StepSize } from './step-case';

export interface GpuStepTask {
  readonly size: StepSize;
  readonly options: CompiledEngineOptions;
}

const { size, options } = JSON.parse(process.argv[2]!) as GpuStepTask;
const engine = await CompiledEngine.create(options);
const { program, state: values, batch } = stepCase(size);
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
