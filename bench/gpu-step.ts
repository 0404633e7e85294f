/**
 * The training step on the GPU, as a process of its own: `gpu-step '{"size": {…}, "engine": "wgsl"}'`. Reads lines "<steps>" and
 * answers "<seconds per step>", batches copied up and readings copied down included.
 */
import { createInterface } from 'node:readline';
import { CompiledEngine } from '../extension/training/engines/compiled/compiled-engine';
import { WgslEngine } from '../extension/training/engines/wgsl/wgsl-engine';
import { stepCase, type StepSize } from './step-case';

const engines = {
  'compiled-webgpu': { precision: 'float32', open: () => CompiledEngine.create({ device: 'webgpu' }) },
  wgsl: { precision: 'float32', open: () => WgslEngine.create() },
  'wgsl float16': { precision: 'float16', open: () => WgslEngine.create({ precision: 'float16' }) },
} as const;

export interface GpuStepTask {
  readonly size: StepSize;
  readonly engine: keyof typeof engines;
}

const { size, engine: name } = JSON.parse(process.argv[2]!) as GpuStepTask;
const { precision, open } = engines[name];
const engine = await open();
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
