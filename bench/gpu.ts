/**
 * On a GPU: parity with PyTorch in float64, and images per second of a full training step of the compiled engine over WebGPU against
 * PyTorch on the same card (eager in fp32, with TF32, with bf16 autocast), in alternated rounds. Needs no network; `npm run
 * bench:gpu-pack` puts all it needs into one folder for a machine that has neither Node nor npm.
 *
 *   npm run bench:gpu -- [--sizes 'ViT-Ti 32,ViT-B 224'] [--rounds 5] [--steps 4] [--out docs/results/data/gpu.json] [--page docs/results/gpu.md] [--no-parity]
 *   npm run bench:gpu -- --report-only     # the page of what was measured before
 *
 * PyTorch is found through MIM_PYTHON (default: python3); without it, or without CUDA for it, only the product is measured.
 */
import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { asking } from './asked-process';
import type { GpuStepTask } from './gpu-step';
import { gpuPage } from './gpu-page';
import type { GpuRecord, GpuStepResult, ParityResult } from './gpu-record';
import { gpuSizes } from './gpu-sizes';
import { processor } from './machine';
import { median } from './median';
import { alignedLevels, maskRatio, type StepSize } from './step-case';

const placeOfData = 'docs/results/data/gpu.json';
const { values: options } = parseArgs({
  options: {
    sizes: { type: 'string', default: Object.keys(gpuSizes).join(',') },
    rounds: { type: 'string', default: '5' },
    steps: { type: 'string', default: '4' },
    out: { type: 'string', default: placeOfData },
    page: { type: 'string' },
    parity: { type: 'boolean', default: true },
    engines: { type: 'string', default: 'wgsl,wgsl float16,compiled-webgpu' },
    torch: { type: 'string', default: 'fp32,tf32,bf16' },
    'report-only': { type: 'boolean', default: false },
  },
  allowNegative: true,
});
const [rounds, steps] = [Number(options.rounds), Number(options.steps)];
const engines = options.engines.split(',') as GpuStepTask['engine'][];
const precisions = options.torch.split(',');
const python = process.env['MIM_PYTHON'] ?? 'python3';
const beside = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

interface Contestant {
  readonly name: string;
  /** Seconds per step. */
  run(steps: number): Promise<number>;
  /** Of the GPU, in MiB. */
  memory(): Promise<number | undefined>;
  /** Resolves once its memory is free. */
  end(): Promise<void>;
}

/** The first line that a command prints; undefined where it fails. */
function answer(command: string, args: readonly string[]): string | undefined {
  const { status, stdout } = spawnSync(command, args, { encoding: 'utf8' });
  return status === 0 ? stdout.trim().split('\n')[0] : undefined;
}

const nvidiaSmi = (what: string): string | undefined => answer('nvidia-smi', [`--query-gpu=${what}`, '--format=csv,noheader,nounits']);
const usedMiB = (): number | undefined => {
  const used = nvidiaSmi('memory.used');
  return used === undefined ? undefined : Number(used);
};

function product(name: GpuStepTask['engine'], size: StepSize): Contestant {
  const task: GpuStepTask = { size, engine: name };
  const before = usedMiB();
  const { ask, end } = asking(process.execPath, ['--max-old-space-size=16384', beside('gpu-step.mjs'), JSON.stringify(task)]);
  let memory: number | undefined;
  return {
    name,
    async run(count) {
      const seconds = await ask(String(count));
      // The first run is alone on the card.
      const now = usedMiB();
      if (before !== undefined && now !== undefined) memory ??= now - before;
      return seconds;
    },
    memory: () => Promise.resolve(memory),
    end,
  };
}

function pytorch(precision: string, size: StepSize): Contestant {
  const description = JSON.stringify({ ...size, threads: 4, levels: alignedLevels, maskRatio, compile: false, device: 'cuda', precision });
  const { ask, end } = asking(python, [beside('step_torch.py'), description]);
  return { name: `PyTorch ${precision}`, run: (count) => ask(String(count)), memory: () => ask('memory'), end };
}

/** Runs until the graphs and shaders are compiled; undefined, with a word, for one that fails. */
async function warm(contestant: Contestant): Promise<Contestant | undefined> {
  try {
    await contestant.run(steps);
    await contestant.run(steps);
    return contestant;
  } catch (error) {
    console.log(`  ${contestant.name} is left out: ${error instanceof Error ? error.message : String(error)}`);
    await contestant.end();
    return undefined;
  }
}

async function measure(size: StepSize, withTorch: boolean): Promise<GpuStepResult[]> {
  const ours = [];
  // One after another: what the card holds more than before is its memory.
  for (const name of engines) ours.push(await warm(product(name, size)));
  const theirs = withTorch ? await Promise.all(precisions.map((precision) => warm(pytorch(precision, size)))) : [];
  const taking = [...ours, ...theirs].filter((contestant) => contestant !== undefined);
  const seconds = new Map(taking.map(({ name }) => [name, [] as number[]]));
  for (let round = 0; round < rounds; round++) for (const { name, run } of taking) seconds.get(name)!.push(await run(steps));
  const reference = seconds.get('PyTorch fp32');
  const results: GpuStepResult[] = [];
  for (const { name, memory, end } of taking) {
    const own = seconds.get(name)!;
    const ratios = name === 'PyTorch fp32' ? undefined : reference?.map((theirSeconds, round) => theirSeconds / own[round]!);
    results.push({ name, imagesPerSecond: size.batch / median(own), millisecondsPerStep: 1000 * median(own), memoryMiB: await memory(), ...(ratios && { ratios }) });
    // What is still ending would count as taken before the next shape, and so as given back by it.
    await end();
  }
  return results;
}

/** Several processes at once: most of the time goes into compiling shaders on the CPU. */
const parityProcesses = 4;

async function parity(engine: string): Promise<ParityResult[]> {
  const shares = await Promise.all(
    Array.from({ length: parityProcesses }, async (_, share) => {
      const { stdout } = await promisify(execFile)(process.execPath, [beside('gpu-parity.mjs'), engine, String(share), String(parityProcesses)], { maxBuffer: 2 ** 26 });
      return stdout.trim().split('\n').map((line) => JSON.parse(line) as ParityResult);
    }),
  );
  return shares.flat().toSorted((a, b) => a.name.localeCompare(b.name));
}

/** Of everything that was measured and kept. */
function writePage(): void {
  // Elsewhere than in its place the JSON is to be carried home first.
  const folder = dirname(placeOfData);
  const page = options.page ?? (dirname(options.out) === folder ? 'docs/results/gpu.md' : undefined);
  if (page === undefined) return;
  const files = readdirSync(folder).filter((name) => /^gpu.*\.json$/.test(name)).toSorted();
  writeFileSync(page, gpuPage(files.map((file) => ({ file, record: JSON.parse(readFileSync(join(folder, file), 'utf8')) as GpuRecord }))));
}

async function measureAll(): Promise<void> {
  const torch = answer(python, ['-c', 'import torch; assert torch.cuda.is_available(); print(torch.__version__)']);
  if (torch === undefined) console.log(`PyTorch with CUDA is not installed for ${python}; measuring the product alone (set MIM_PYTHON to compare).`);
  const record: GpuRecord = { device: nvidiaSmi('name'), driver: nvidiaSmi('driver_version'), cpu: processor(), torch, rounds, steps, parity: {}, sizes: {} };
  // Written as it grows: what was measured stays, whatever ends the process.
  const save = (): void => {
    mkdirSync(dirname(options.out), { recursive: true });
    writeFileSync(options.out, `${JSON.stringify(record, undefined, 1)}\n`);
  };
  if (options.parity) {
    for (const engine of engines) {
      const results = await parity(engine);
      record.parity[engine] = results;
      save();
      console.log(`parity of ${engine}: ${results.length} cases, ${results.filter(({ error }) => error !== undefined).length} failed`);
    }
  }
  for (const name of options.sizes.split(',')) {
    const size = gpuSizes[name];
    if (!size) throw new Error(`--sizes names ${Object.keys(gpuSizes).join(', ')}`);
    console.log(`${name}: batch ${size.batch}`);
    const results = await measure(size, torch !== undefined);
    record.sizes[name] = { size, results };
    save();
    results.forEach(tell);
  }
}

function tell({ name, ratios, imagesPerSecond, millisecondsPerStep, memoryMiB = NaN }: GpuStepResult): void {
  const ratio = ratios ? `  ${median(ratios).toFixed(2)} × PyTorch fp32` : '';
  console.log(`  ${name.padEnd(16)} ${imagesPerSecond.toFixed(0).padStart(7)} images/s ${millisecondsPerStep.toFixed(1).padStart(8)} ms ${memoryMiB.toFixed(0).padStart(7)} MiB${ratio}`);
}

if (!options['report-only']) await measureAll();
writePage();
process.exit();
