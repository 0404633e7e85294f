/**
 * What an epoch costs by method: seconds a step of MaskAlign, with its teacher in the step, also in int8, and with what it said read from disk, beside MAE,
 * SimMIM and feature inpainting with the same teacher, in alternated rounds. Masks and losses are each method's defaults.
 *
 *   npm run bench:methods -- [--size tiny] [--rounds 7] [--steps 4] [--threads 2] [--json bench-methods.json]
 */
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import type { Engine } from '../extension/training/engines/engine';
import { cpuEngine } from './cpu-engine';
import { askingRun, cachedRun, type Run } from './cached-run';
import { processor } from './machine';
import { median } from './median';
import { stepCase, stepSizes, type CaseOptions, type StepSizeName } from './step-case';

const { values: options } = parseArgs({
  options: {
    size: { type: 'string', default: 'tiny' },
    rounds: { type: 'string', default: '7' },
    steps: { type: 'string', default: '4' },
    threads: { type: 'string', default: String(availableParallelism()) },
    json: { type: 'string' },
  },
});
const shape = stepSizes[options.size as StepSizeName];
if (!shape) throw new Error(`--size is one of ${Object.keys(stepSizes).join(', ')}`);
const [rounds, steps, threads] = [Number(options.rounds), Number(options.steps), Number(options.threads)];

/** As examples/efficiency-cifar10.mim.yaml has it. */
const ATTENTIVE: CaseOptions = { masking: 'attentive' };

async function stepRun(engine: Engine, caseOptions: CaseOptions): Promise<Run> {
  const { program, state: values, batch } = stepCase(shape, caseOptions);
  const compiled = await engine.compile(program);
  const state = engine.createState(values);
  let step = 0;
  return async (count) => {
    const batches = Array.from({ length: count }, () => batch(++step));
    const start = performance.now();
    await compiled.run(state, batches);
    return (performance.now() - start) / 1000 / count;
  };
}

const engine = await cpuEngine(threads);
const runs: Readonly<Record<string, Run>> = {
  maskalign: await stepRun(engine, ATTENTIVE),
  'maskalign, teacher in int8': await stepRun(engine, { ...ATTENTIVE, dtype: 'int8' }),
  'maskalign, teacher asked and kept': await askingRun(engine, shape, ATTENTIVE),
  'maskalign, teacher kept': await cachedRun(engine, shape, ATTENTIVE),
  mae: await stepRun(engine, { method: 'mae' }),
  simmim: await stepRun(engine, { method: 'simmim' }),
  feature_inpainting: await stepRun(engine, { method: 'feature_inpainting' }),
};
for (const run of Object.values(runs)) await run(1);
const secondsPerStep: Readonly<Record<string, number[]>> = Object.fromEntries(Object.keys(runs).map((name) => [name, []]));
for (let round = 0; round < rounds; round++) for (const [name, run] of Object.entries(runs)) secondsPerStep[name]!.push(await run(steps));

console.log(`${options.size}, batch ${shape.batch}, ${threads} threads, ${rounds} rounds of ${steps} steps, ${processor()}`);
for (const [name, seconds] of Object.entries(secondsPerStep)) {
  const ratio = median(seconds.map((own, round) => own / secondsPerStep['maskalign']![round]!));
  console.log(`${name.padEnd(34)} ${(shape.batch / median(seconds)).toFixed(1).padStart(7)} images/s  ${ratio.toFixed(2)} × the time of maskalign`);
}
if (options.json) writeFileSync(options.json, `${JSON.stringify({ size: options.size, shape, steps, threads, cpu: processor(), secondsPerStep }, undefined, 2)}\n`);
process.exit();
