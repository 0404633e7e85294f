/**
 * Images per second of one full training step, compiled engine against PyTorch eager, in alternated short rounds, so
 * that what else the machine does falls on both. Prints medians and the median of the rounds' ratios.
 *
 *   npm run bench:step -- [--size tiny] [--rounds 7] [--steps 4] [--threads 2] [--json bench-step.json]
 *
 * PyTorch is found through MIM_PYTHON (default: python3); without it only the product is measured.
 */
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { parseArgs } from 'node:util';
import { CompiledEngine } from '../extension/training/engines/compiled/compiled-engine';
import type { StepSizeName } from './step-case';
import { alignedLevels, maskRatio, stepCase, stepSizes } from './step-case';

const { values: options } = parseArgs({
  options: {
    size: { type: 'string', default: 'tiny' },
    rounds: { type: 'string', default: '7' },
    steps: { type: 'string', default: '4' },
    threads: { type: 'string', default: String(availableParallelism()) },
    json: { type: 'string' },
  },
});
const size = options.size as StepSizeName;
const shape = stepSizes[size];
if (!shape) throw new Error(`--size is one of ${Object.keys(stepSizes).join(', ')}`);
const [rounds, steps, threads] = [Number(options.rounds), Number(options.steps), Number(options.threads)];

/** Runs that many steps and answers seconds per step. */
type Contestant = (steps: number) => Promise<number>;

async function product(): Promise<Contestant> {
  const engine = CompiledEngine.create({ threads });
  const { program, state: values, batch } = stepCase(shape);
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

const python = process.env['MIM_PYTHON'] ?? 'python3';

function torchVersion(): string | undefined {
  const { status, stdout } = spawnSync(python, ['-c', 'import torch; print(torch.__version__)'], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}

function pytorch(): { contestant: Contestant; stop: () => void } {
  const description = JSON.stringify({ ...shape, threads, levels: alignedLevels, maskRatio });
  const child: ChildProcessByStdio<Writable, Readable, null> = spawn(python, ['bench/step_torch.py', description], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const contestant: Contestant = async (count) => {
    child.stdin.write(`${count}\n`);
    const { value, done } = await lines.next();
    if (done) throw new Error('The PyTorch process ended.');
    return Number(value);
  };
  return { contestant, stop: () => child.kill() };
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

const version = torchVersion();
const ours = await product();
const theirs = version === undefined ? undefined : pytorch();
if (!theirs) console.log(`PyTorch is not installed for ${python}; measuring the product alone (set MIM_PYTHON to compare).`);

const seconds: { ours: number[]; theirs: number[] } = { ours: [], theirs: [] };
await ours(1);
await theirs?.contestant(1);
for (let round = 0; round < rounds; round++) {
  seconds.ours.push(await ours(steps));
  if (theirs) seconds.theirs.push(await theirs.contestant(steps));
}
theirs?.stop();

const imagesPerSecond = (secondsPerStep: readonly number[]): number => shape.batch / median(secondsPerStep);
const ratio = theirs && median(seconds.ours.map((own, round) => seconds.theirs[round]! / own));
console.log(`${size}: compiled-cpu ${imagesPerSecond(seconds.ours).toFixed(1)} images/s, ${threads} threads, ${steps} steps a run`);
if (theirs) console.log(`${size}: PyTorch ${version} eager ${imagesPerSecond(seconds.theirs).toFixed(1)} images/s; ratio of rounds, median: ${ratio!.toFixed(3)}`);
if (options.json) {
  const record = {
    size, shape, steps, threads, cpu: cpus()[0]?.model, torch: version, secondsPerStep: seconds,
    imagesPerSecond: imagesPerSecond(seconds.ours), ...(theirs ? { torchImagesPerSecond: imagesPerSecond(seconds.theirs), ratio } : {}),
  };
  writeFileSync(options.json, `${JSON.stringify(record, undefined, 2)}\n`);
}
process.exit();
