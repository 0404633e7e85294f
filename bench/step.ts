/**
 * Images per second of one full training step, the product's engines for the processor (with an exact teacher, with one of int8, and with
 * what the teacher said read from disk, as in the epochs after those of a cache's first time) against PyTorch
 * (eager, and torch.compile with fused AdamW), in alternated short rounds, so that what else the machine does falls on all.
 * Prints medians, and the medians of the rounds' ratios to PyTorch eager.
 *
 *   npm run bench:step -- [--size tiny] [--rounds 7] [--steps 4] [--threads 2] [--only native,eager] [--json bench-step.json]
 *
 * PyTorch is found through MIM_PYTHON (default: python3); without it only the product is measured. torch.compile needs a C++
 * compiler; where it does not work it is left out, and that is said.
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { asking, type Asked } from './asked-process';
import { cachedRun, type Run } from './cached-run';
import { cpuEngine } from './cpu-engine';
import { processor } from './machine';
import { median } from './median';
import type { StepSizeName, TeacherDtype } from './step-case';
import { alignedLevels, maskRatio, stepCase, stepSizes } from './step-case';

const CONTESTANTS = ['native', 'native int8', 'native cached', 'compiled-cpu', 'compiled-cpu int8', 'compiled-cpu cached', 'eager', 'torch.compile'] as const;
type Name = (typeof CONTESTANTS)[number];
const ofTorch: ReadonlySet<Name> = new Set<Name>(['eager', 'torch.compile']);

const { values: options } = parseArgs({
  options: {
    size: { type: 'string', default: 'tiny' },
    rounds: { type: 'string', default: '7' },
    steps: { type: 'string', default: '4' },
    threads: { type: 'string', default: String(availableParallelism()) },
    only: { type: 'string', default: CONTESTANTS.join(',') },
    json: { type: 'string' },
  },
});
const size = options.size as StepSizeName;
const shape = stepSizes[size];
if (!shape) throw new Error(`--size is one of ${Object.keys(stepSizes).join(', ')}`);
const wanted = options.only.split(',');
const [rounds, steps, threads] = [Number(options.rounds), Number(options.steps), Number(options.threads)];

interface Contestant {
  readonly name: Name;
  readonly run: Run;
  /** Largest resident size so far, in MiB; of the product only where it runs alone, for it runs in this process. */
  readonly peak?: () => Promise<number>;
}

async function product(kind: 'native' | 'compiled-cpu', dtype: TeacherDtype): Promise<Omit<Contestant, 'name'>> {
  const engine = await cpuEngine(threads, [kind]);
  const { program, state: values, batch } = stepCase(shape, { dtype });
  const compiled = await engine.compile(program);
  const state = engine.createState(values);
  let step = 0;
  const run: Run = async (count) => {
    const batches = Array.from({ length: count }, () => batch(++step));
    const start = performance.now();
    await compiled.run(state, batches);
    return (performance.now() - start) / 1000 / count;
  };
  return { run, ...(wanted.length === 1 && { peak: () => Promise.resolve(process.resourceUsage().maxRSS / 1024) }) };
}

const python = process.env['MIM_PYTHON'] ?? 'python3';
const children: Asked[] = [];

function torchVersion(): string | undefined {
  const { status, stdout } = spawnSync(python, ['-c', 'import torch; print(torch.__version__)'], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}

function pytorch(compile: boolean): Omit<Contestant, 'name'> {
  const training = asking(python, ['bench/step_torch.py', JSON.stringify({ ...shape, threads, levels: alignedLevels, maskRatio, compile })]);
  children.push(training);
  return { run: (count) => training.ask(String(count)), peak: () => training.ask('memory') };
}

const open: Readonly<Record<Name, () => Promise<Omit<Contestant, 'name'>> | Omit<Contestant, 'name'>>> = {
  native: () => product('native', 'float32'),
  'native int8': () => product('native', 'int8'),
  'native cached': async () => ({ run: await cachedRun(await cpuEngine(threads, ['native']), shape) }),
  'compiled-cpu': () => product('compiled-cpu', 'float32'),
  'compiled-cpu int8': () => product('compiled-cpu', 'int8'),
  'compiled-cpu cached': async () => ({ run: await cachedRun(await cpuEngine(threads, ['compiled-cpu']), shape) }),
  eager: () => pytorch(false),
  'torch.compile': () => pytorch(true),
};

/** Warmed up: graphs are compiled. */
async function contestants(torch: string | undefined): Promise<Contestant[]> {
  const found: Contestant[] = [];
  for (const name of CONTESTANTS) {
    if (!wanted.includes(name) || (torch === undefined && ofTorch.has(name))) continue;
    try {
      const opened = await open[name]();
      await opened.run(1);
      await opened.run(1);
      found.push({ name, ...opened });
    } catch (error) {
      console.log(`${name} is left out: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return found;
}

const torch = torchVersion();
if (torch === undefined) console.log(`PyTorch is not installed for ${python}; measuring the product alone (set MIM_PYTHON to compare).`);
const taking = await contestants(torch);
const seconds = Object.fromEntries(taking.map(({ name }) => [name, [] as number[]]));
for (let round = 0; round < rounds; round++) {
  for (const { name, run } of taking) seconds[name]!.push(await run(steps));
}
const peaks = new Map<string, number>();
for (const { name, peak } of taking) if (peak) peaks.set(name, await peak());
for (const child of children) void child.end();

const { eager } = seconds;
const results = Object.entries(seconds).map(([name, own]) => {
  const ratios = eager?.map((theirs, round) => theirs / own[round]!);
  return { name, imagesPerSecond: shape.batch / median(own), peakMiB: peaks.get(name), ...(ratios && { ratioToEager: median(ratios), lowest: Math.min(...ratios), highest: Math.max(...ratios) }) };
});
console.log(`${size}, ${threads} threads, ${rounds} rounds of ${steps} steps${torch === undefined ? '' : `, PyTorch ${torch}`}`);
for (const { name, imagesPerSecond, ratioToEager, lowest, highest } of results) {
  console.log(`${name.padEnd(18)} ${imagesPerSecond.toFixed(1).padStart(7)} images/s${ratioToEager === undefined ? '' : `  ${ratioToEager.toFixed(2)} × eager (${lowest!.toFixed(2)} – ${highest!.toFixed(2)})`}`);
}
if (options.json) {
  const record = { size, shape, steps, threads, cpu: processor(), torch, secondsPerStep: seconds, results };
  writeFileSync(options.json, `${JSON.stringify(record, undefined, 2)}\n`);
}
process.exit();
