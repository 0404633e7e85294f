/** What the benches of the engine found, as a page: from their JSON alone, so that no number is typed. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { GrowthPoint } from './growth-figure';
import { median } from './median';

interface StepRecord {
  readonly shape: { readonly imageSize: number; readonly patchSize: number; readonly width: number; readonly depth: number; readonly batch: number };
  readonly threads: number;
  readonly steps: number;
  readonly cpu: string;
  readonly torch?: string;
  readonly secondsPerStep: Readonly<Record<string, readonly number[]>>;
  readonly results: readonly { readonly name: string; readonly imagesPerSecond: number; readonly peakMiB?: number; readonly ratioToEager?: number; readonly lowest?: number; readonly highest?: number }[];
}

interface PipelineRecord {
  readonly images: string;
  readonly measured: readonly { readonly whole: number; readonly stepAlone: number; readonly loadingAlone: number; readonly pil?: number }[];
}

interface StartupRecord {
  /** With the engine that `auto` takes. */
  readonly automatic?: readonly number[];
  readonly seconds: readonly number[];
  readonly withoutCache: readonly number[];
}

interface EvaluationRecord {
  readonly trainImages: number;
  readonly testImages: number;
  readonly width: number;
  readonly measured: readonly { readonly name: string; readonly seconds: number }[];
}

interface GrowthRecord {
  readonly rates: Readonly<Record<string, number>>;
  readonly rounds: number;
  readonly points: readonly GrowthPoint[];
}

/** @param folder of the JSON files; a section whose file is not there is left out */
export async function performancePage(folder: string): Promise<string> {
  const read = async <Record>(name: string): Promise<Record | undefined> => {
    const text = await readFile(path.join(folder, `${name}.json`), 'utf8').catch(() => undefined);
    return text === undefined ? undefined : (JSON.parse(text) as Record);
  };
  const tiny = await read<StepRecord>('step-tiny');
  const small = await read<StepRecord>('step-small');
  const alone = [await read<StepRecord>('step-small-memory-native'), await read<StepRecord>('step-small-memory')];
  const pipelines = { tiny: await read<PipelineRecord>('pipeline-tiny'), 'tiny, later epochs': await read<PipelineRecord>('pipeline-tiny-later'), small: await read<PipelineRecord>('pipeline-small') };
  const sections = [
    introduction(tiny ?? small),
    stepSection({ tiny, small }),
    memorySection(small, alone),
    pipelineSection(pipelines),
    startupSection(await read<StartupRecord>('startup')),
    evaluationSection(await read<EvaluationRecord>('evaluation')),
    growthSection(await read<GrowthRecord>('growth')),
  ];
  return `${sections.filter((section) => section !== '').join('\n')}`;
}

function introduction(record: StepRecord | undefined): string {
  const machine = record === undefined ? '' : `${record.threads} threads on ${record.cpu}, nothing else running. `;
  return `# How fast it is

${machine}Ratios are medians of alternated rounds of one run, so that
what else the machine does falls on both sides; seconds are of this machine at that hour. Every round is in [data/](data/).
The ratios depend on the processor, and on how good PyTorch's library for products is on it: [the list of results](README.md) has those of others.

\`\`\`sh
pip install torch      # CPU
MIM_PYTHON=python3 npm run bench -- --cifar /path/to/cifar10 --photographs /path/to/photographs
\`\`\`
`;
}

function stepSection(records: Readonly<Record<string, StepRecord | undefined>>): string {
  const rows = Object.entries(records).flatMap(([name, record]) => (record === undefined ? [] : record.results.map((result) => stepRow(name, record, result))));
  if (rows.length === 0) return '';
  const torch = Object.values(records).find((record) => record?.torch !== undefined)?.torch;
  return `## A training step

Images per second of a full MaskAlign step: teacher forward, student forward and backward, AdamW; mask ratio 0.7. *eager* and
*torch.compile* are PyTorch ${torch ?? ''} with \`scaled_dot_product_attention\`; \`torch.compile\` with fused AdamW. *int8* is \`teacher.dtype: int8\`,
*cached* \`teacher.cache\` in an epoch after those of its first time, reading from disk included. What the two cost in accuracy is in
[efficiency.md](efficiency.md) and [the guide](../guide/teachers.md).

| Shape | | Images/s | Against eager | Lowest – highest |
| --- | --- | ---: | ---: | ---: |
${rows.join('\n')}

The ratio is of these two programs: ours computes the teacher's last block for the visible tokens only, which is exact, and the
PyTorch side computes it whole, as the official code does. What brought the speed is in [the engine's design page](../design/engine.md).
`;
}

function stepRow(name: string, { shape, steps, secondsPerStep }: StepRecord, { name: contestant, imagesPerSecond, ratioToEager, lowest, highest }: StepRecord['results'][number]): string {
  const { imageSize, patchSize, width, depth, batch } = shape;
  const size = `${name}: ${imageSize}×${imageSize}, patch ${patchSize}, ${width} × ${depth}, batch ${batch}`;
  const rounds = secondsPerStep[contestant]!.length;
  const ratio = ratioToEager === undefined || contestant === 'eager' ? ['', ''] : [ratioToEager.toFixed(2), `${lowest!.toFixed(2)} – ${highest!.toFixed(2)} (${rounds} rounds of ${steps} steps)`];
  return `| ${[size, contestant, imagesPerSecond.toFixed(1), ...ratio].join(' | ')} |`;
}

function memorySection(together: StepRecord | undefined, alone: readonly (StepRecord | undefined)[]): string {
  const told = (results: StepRecord['results']): string[] => results.flatMap(({ name, peakMiB }) => (peakMiB === undefined ? [] : [`${name} ${peakMiB.toFixed(0)} MiB`]));
  const ours = alone.flatMap((record) => told(record?.results.slice(0, 1) ?? []));
  if (ours.length === 0) return '';
  return `## Memory

Largest resident size of a process that trains the small shape: ${[...ours, ...told(together?.results ?? [])].join(', ')}.
`;
}

function pipelineSection(records: Readonly<Record<string, PipelineRecord | undefined>>): string {
  const rows = Object.entries(records).flatMap(([name, record]) => {
    if (record === undefined) return [];
    const of = (key: 'whole' | 'stepAlone' | 'loadingAlone'): string => median(record.measured.map((round) => round[key])).toFixed(key === 'loadingAlone' ? 0 : 1);
    const share = median(record.measured.map(({ whole, stepAlone }) => whole / stepAlone));
    const pil = record.measured.flatMap((round) => round.pil ?? []);
    return [`| ${[name, record.images, of('whole'), of('stepAlone'), `${(100 * share).toFixed(1)} %`, of('loadingAlone'), pil.length === 0 ? '' : median(pil).toFixed(0)].join(' | ')} |`];
  });
  if (rows.length === 0) return '';
  return `## The whole pipeline

Images per second with decoding, crops and flips in threads while the step runs on the same cores, beside the same steps on images that
are there already; and what the loader does alone on one thread, beside one process in which PIL and numpy load the same images as
torchvision does. Small images are kept decoded, so that epochs after the first only crop them. A share above 100 % is the noise of the machine.

| Shape | Images | Training | Steps alone | Share | Loader alone | PIL |
| --- | --- | ---: | ---: | ---: | ---: | ---: |
${rows.join('\n')}
`;
}

/** `4.0 s (median of 5; 3.8 – 4.3)` */
function spread(seconds: readonly number[]): string {
  return `${median(seconds).toFixed(1)} s (median of ${seconds.length}; ${Math.min(...seconds).toFixed(1)} – ${Math.max(...seconds).toFixed(1)})`;
}

function startupSection(record: StartupRecord | undefined): string {
  if (record === undefined) return '';
  const automatic = record.automatic === undefined ? '' : `${spread(record.automatic)} with the engine that
\`auto\` takes; with \`compiled-cpu\` `;
  return `## Start

From \`mim pretrain\` to the first finished step at the tiny shape, program, teacher and compilation included: ${automatic}${spread(record.seconds)}
where the compiled graph is on disk from an earlier start, ${spread(record.withoutCache)} where it is not. By turns; how fast the
machine was meanwhile is in the record.
`;
}

function evaluationSection(record: EvaluationRecord | undefined): string {
  if (record === undefined) return '';
  const { trainImages, testImages, width, measured } = record;
  const seconds = (name: string): string => median(measured.filter((found) => found.name === name).map((found) => found.seconds)).toFixed(1);
  return `## Probes

Of ${trainImages.toLocaleString('en')} cached features of ${width} numbers, tested on ${testImages.toLocaleString('en')}: the linear probe (\`preset: small\`: eight learning rates, 100 epochs, then 100
more of the one that was chosen) ${seconds('linear probe')} s, kNN ${seconds('kNN')} s.
`;
}

function growthSection(record: GrowthRecord | undefined): string {
  if (record === undefined) return '';
  const rates = Object.entries(record.rates).map(([threads, rate]) => `${rate.toFixed(0)} GFLOP/s on ${threads} ${threads === '1' ? 'thread' : 'threads'}`);
  const rows = record.points.map(({ axis, value, gflop, seconds, floorSeconds }) => `| ${[axis, value, gflop.toFixed(1), (1000 * seconds).toFixed(0), (1000 * floorSeconds).toFixed(0), `${((100 * floorSeconds) / seconds).toFixed(0)} %`].join(' | ')} |`);
  return `## Growth

The step of tiny (of batch 32 where the width is changed), one size changed at a time; medians of ${record.rounds} rounds. The floor is the step's multiply-adds,
twice its GMAC as \`mim estimate\` counts them, at the best rate that a product was measured to reach here: ${rates.join(', ')}.

![Time of a step against batch, depth, width, tokens and threads](growth.svg)

| Changed | To | GFLOP a step | Step, ms | Floor, ms | Of the floor |
| --- | ---: | ---: | ---: | ---: | ---: |
${rows.join('\n')}
`;
}
