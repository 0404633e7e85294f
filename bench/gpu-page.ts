/** What `bench:gpu` found, as a page: from its JSON alone, so that no number is typed. */
import type { GpuRecord, GpuStepResult, ParityResult } from './gpu-record';
import { median } from './median';
import type { StepSize } from './step-case';

export interface NamedRecord {
  /** In docs/results/data. */
  readonly file: string;
  readonly record: GpuRecord;
}

/** One section a lease of a card: ratios are of one section only, for cards and their clocks differ. */
export function gpuPage(records: readonly NamedRecord[]): string {
  const sections = records.flatMap(({ file, record }) => [measurement(file, record), stepSection(record), memorySection(record)]);
  return [INTRODUCTION, ...sections, paritySection(records)].filter((section) => section !== '').join('\n');
}

const INTRODUCTION = `# On a GPU

Images per second of a full MaskAlign step: teacher forward, student forward and backward, AdamW; mask ratio 0.7; batches copied up and
readings copied down included. \`compiled-webgpu\` is ONNX Runtime, \`wgsl\` kernels of our own; both fp32 but for \`wgsl float16\`, whose
products of whole matrices round their operands to half precision (\`engine.precision: float16\`). PyTorch is eager with
\`scaled_dot_product_attention\`: *fp32*, with products in *tf32*, with *bf16* autocast. Ours computes the teacher's last block for the
visible tokens only, which is exact; the PyTorch side computes it whole, as the official code does. Why the figures are what they are is
in [the engine's design page](../design/engine.md). Cards of one name are not equally fast at every hour: ratios hold within a section.

\`\`\`sh
npm run bench:gpu          # PyTorch with CUDA is found through MIM_PYTHON
npm run bench:gpu-pack     # for a machine without Node or network
\`\`\`
`;

function oursIn({ sizes }: GpuRecord): string[] {
  return [...new Set(Object.values(sizes).flatMap(({ results }) => results.map(({ name }) => name)))].filter((name) => !name.startsWith('PyTorch'));
}

function measurement(file: string, record: GpuRecord): string {
  const { device, driver, cpu, torch, rounds, steps, notes = [] } = record;
  return `## ${oursIn(record).map((name) => `\`${name}\``).join(', ')} on ${device ?? 'a GPU'}

${driver === undefined ? '' : `Driver ${driver}, `}${cpu}${torch === undefined ? '' : `, PyTorch ${torch}`}. Medians of ${rounds} alternated rounds of ${steps} steps; every
round is in [data/${file}](data/${file}).${notes.length > 0 ? ` ${notes.join(' ')}` : ''}
`;
}

function stepSection({ sizes }: GpuRecord): string {
  const rows = Object.entries(sizes).flatMap(([name, { size, results }]) => results.map((result) => stepRow(name, size, result)));
  if (rows.length === 0) return '';
  const summary = [...new Set(Object.values(sizes).flatMap(({ results }) => results.map(({ name }) => name)))].flatMap((name) => summaryOf(name, sizes)).join('\n');
  return `${summary}

| Shape | | Images/s | ms a step | Against PyTorch fp32 | Lowest – highest |
| --- | --- | ---: | ---: | ---: | ---: |
${rows.join('\n')}
`;
}

/** Of one of ours; nothing of another, or where nothing was compared. */
function summaryOf(contestant: string, sizes: GpuRecord['sizes']): string[] {
  const speeds = Object.values(sizes).flatMap(({ results }) => results.flatMap(({ name, ratios }) => (name === contestant && !name.startsWith('PyTorch') && ratios ? [median(ratios)] : [])));
  if (speeds.length === 0) return [];
  const [least, most] = [Math.min(...speeds).toFixed(2), Math.max(...speeds).toFixed(2)];
  return [`**\`${contestant}\` has ${least} to ${most} of the speed of PyTorch eager in fp32.**`];
}

function stepRow(name: string, { imageSize, patchSize, width, depth, batch }: StepSize, { name: contestant, imagesPerSecond, millisecondsPerStep, ratios }: GpuStepResult): string {
  const shape = `${name.split(' ')[0]}: ${imageSize}×${imageSize}, patch ${patchSize}, ${width} × ${depth}, batch ${batch}`;
  const against = ratios ? [median(ratios).toFixed(2), `${Math.min(...ratios).toFixed(2)} – ${Math.max(...ratios).toFixed(2)}`] : ['', ''];
  return `| ${[shape, contestant, imagesPerSecond.toFixed(0), millisecondsPerStep.toFixed(1), ...against].join(' | ')} |`;
}

function memorySection({ sizes }: GpuRecord): string {
  const contestants = [...new Set(Object.values(sizes).flatMap(({ results }) => results.flatMap(({ name, memoryMiB }) => (memoryMiB === undefined ? [] : [name]))))];
  const rows = Object.entries(sizes).flatMap(([name, { results }]) => {
    const known = new Map(results.flatMap(({ name: contestant, memoryMiB }) => (memoryMiB === undefined ? [] : [[contestant, memoryMiB] as const])));
    return [...known.keys()].some((contestant) => !contestant.startsWith('PyTorch')) ? [`| ${[name, ...contestants.map((contestant) => known.get(contestant)?.toFixed(0) ?? '')].join(' | ')} |`] : [];
  });
  if (rows.length === 0) return '';
  return `MiB of the GPU: ours as \`nvidia-smi\` counts, the driver's context included; PyTorch's as its allocator reserved. Shapes where ours is
not known are left out.

| Shape | ${contestants.join(' | ')} |
| --- |${' ---: |'.repeat(contestants.length)}
${rows.join('\n')}
`;
}

function paritySection(records: readonly NamedRecord[]): string {
  const engines = records.flatMap(({ record }) => Object.entries(record.parity)).filter(([, results]) => results.length > 0);
  if (engines.length === 0) return '';
  return `## The same numbers

Cases of all methods against PyTorch in float64, on the cards above, and the largest relative deviations:

| | Cases | Failed | Losses | Gradients | Parameters after the steps |
| --- | ---: | --- | --- | --- | --- |
${engines.map(([engine, results]) => parityRow(engine, results)).join('\n')}

The bounds of the [tests](../../test/parity/expect-parity.ts), which \`npm run test:gpu\` keeps on a GPU in software, are 10⁻⁵, 10⁻⁴ and 2·10⁻⁵;
in half precision [others](../../test/gpu/float16.gpu.ts).
`;
}

function parityRow(engine: string, results: readonly ParityResult[]): string {
  const failed = results.filter(({ error }) => error !== undefined).map(({ name }) => name);
  const worst = (key: 'loss' | 'gradient' | 'parameter'): string => {
    const { name, [key]: value = 0 } = results.reduce((most, one) => ((one[key] ?? 0) > (most[key] ?? 0) ? one : most));
    return `${value.toExponential(1).replace('e-', '·10⁻').replace(/\d+$/, (digits) => [...digits].map((digit) => '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(digit)]).join(''))} (${name})`;
  };
  return `| ${[engine, results.length, failed.join(', ') || 'none', worst('loss'), worst('gradient'), worst('parameter')].join(' | ')} |`;
}
