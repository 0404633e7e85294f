/**
 * How soon a probe reaches an accuracy: the cells of examples/efficiency-cifar10.mim.yaml, probed on the way, with the time an epoch takes
 * by `npm run bench:methods -- --size cifar`. Times of the runs themselves are not used: two of them shared a machine.
 *
 *   npm run bench:efficiency -- --runs runs [--methods docs/results/data/methods-cifar.json] [--json docs/results/data/efficiency.json] [--output docs/results/efficiency.md]
 */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { parse } from 'yaml';
import { efficiencyPage, type EfficiencyRecord, type Recipe } from './efficiency-page';
import { median } from './median';

const { values: options } = parseArgs({
  options: {
    runs: { type: 'string' },
    methods: { type: 'string', default: 'docs/results/data/methods-cifar.json' },
    json: { type: 'string', default: 'docs/results/data/efficiency.json' },
    output: { type: 'string', default: 'docs/results/efficiency.md' },
  },
});

const NAMES: Readonly<Record<string, string>> = {
  maskalign: 'MaskAlign',
  'maskalign int8': 'MaskAlign, `teacher.dtype: int8`',
  'maskalign 1': 'MaskAlign, `teacher.cache` of one view',
  'maskalign 4': 'MaskAlign, `teacher.cache` of four views',
  mae: 'MAE',
  simmim: 'SimMIM',
  feature_inpainting: 'Feature inpainting, the same teacher',
};

interface Cell {
  readonly recipe: string;
  readonly views: number | undefined;
  /** Whose steps were measured. */
  readonly timed: string;
  readonly seed: number;
  readonly images: number;
  readonly batch: number;
  /** Top-1 by epoch. */
  readonly top1: Readonly<Record<string, number>>;
  readonly baselines: Readonly<Record<string, number>>;
  readonly engine: string;
}

async function readCell(folder: string): Promise<Cell> {
  const { method, teacher, seed, data, optimizer } = parse(await readFile(path.join(folder, 'config.yaml'), 'utf8')) as { method: string; teacher?: { dtype?: string; cache?: { views: number } }; seed: number; data: { limit: number }; optimizer: { batch_size: number } };
  const views = teacher?.cache?.views;
  const top1: Record<string, number> = {};
  const baselines: Record<string, number> = {};
  const stepsPerEpoch = Math.floor(data.limit / optimizer.batch_size);
  for (const name of (await readdir(path.join(folder, 'evaluations'))).filter((file) => file.endsWith('.json'))) {
    const result = JSON.parse(await readFile(path.join(folder, 'evaluations', name), 'utf8')) as { subject: string; step: number; top1: number };
    if (result.subject === 'student') top1[Math.round(result.step / stepsPerEpoch)] = result.top1;
    else baselines[result.subject] = result.top1;
  }
  const { engine } = JSON.parse(await readFile(path.join(folder, 'environment.json'), 'utf8')) as { engine: { engine: string } };
  const isInt8 = teacher?.dtype === 'int8';
  const kind = views ?? (isInt8 ? 'int8' : undefined);
  return { recipe: kind === undefined ? method : `${method} ${kind}`, views, timed: views !== undefined ? 'maskalign, teacher kept' : isInt8 ? 'maskalign, teacher in int8' : method, seed, images: data.limit, batch: optimizer.batch_size, top1, baselines, engine: engine.engine };
}

const { secondsPerStep, cpu, threads } = JSON.parse(await readFile(options.methods, 'utf8')) as { secondsPerStep: Readonly<Record<string, readonly number[]>>; cpu: string; threads: number };
const folders = (await readdir(options.runs!)).filter((name) => name.startsWith('efficiency-cifar10-')).map((name) => path.join(options.runs!, name));
const cells = await Promise.all(folders.map(readCell));

const seconds = (name: string): number => median([...secondsPerStep[name]!]);
const recipes = Object.entries(NAMES).flatMap(([key, name]): Recipe[] => {
  const own = cells.filter(({ recipe }) => recipe === key).toSorted((a, b) => a.seed - b.seed);
  const [first] = own;
  if (!first) return [];
  const steps = Math.floor(first.images / first.batch);
  const later = steps * seconds(first.timed);
  const asking = first.views === undefined ? undefined : { epochs: first.views, secondsPerEpoch: steps * seconds('maskalign, teacher asked and kept') };
  return [{ name, secondsPerEpoch: later, ...(asking && { asking }), seeds: own.map(({ seed, top1 }) => ({ seed, top1 })) }];
});
const record: EfficiencyRecord = { cpu, threads, engines: [...new Set(cells.map(({ engine }) => engine))], images: cells[0]!.images, baselines: Object.assign({}, ...cells.map(({ baselines }) => baselines)) as Record<string, number>, recipes };
await writeFile(options.json, `${JSON.stringify(record, undefined, 2)}\n`);
await writeFile(options.output, efficiencyPage(record));
console.log(`Written: ${options.json}, ${options.output}`);
