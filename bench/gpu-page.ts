/** What `bench:gpu` found, as a page: from its JSON alone, so that no number is typed. */
import type { GpuRecord, GpuStepResult, ParityResult } from './gpu-record';
import { median } from './median';
import type { StepSize } from './step-case';

export function gpuPage(record: GpuRecord): string {
  return [introduction(record), stepSection(record), memorySection(record), paritySection(record.parity)].filter((section) => section !== '').join('\n');
}

function introduction({ device, driver, cpu, torch, rounds, steps }: GpuRecord): string {
  return `# On a GPU

\`compiled-webgpu\` on ${device ?? 'a GPU'}${driver === undefined ? '' : ` (driver ${driver})`}, in a machine with ${cpu}${torch === undefined ? '' : `,
beside PyTorch ${torch}`}. Medians of ${rounds} alternated rounds of ${steps} steps; every round is in [data/gpu.json](data/gpu.json).

\`\`\`sh
npm run bench:gpu          # PyTorch with CUDA is found through MIM_PYTHON
npm run bench:gpu-pack     # for a machine without Node or network
\`\`\`
`;
}

function stepSection({ sizes, torch }: GpuRecord): string {
  const rows = Object.entries(sizes).flatMap(([name, { size, results }]) => results.map((result) => stepRow(name, size, result)));
  if (rows.length === 0) return '';
  const summary = [...new Set(Object.values(sizes).flatMap(({ results }) => results.map(({ name }) => name)))].flatMap((name) => summaryOf(name, sizes)).join('\n');
  return `## A training step

Images per second of a full MaskAlign step: teacher forward, student forward and backward, AdamW; mask ratio 0.7; batches copied up and
readings copied down included. Ours is fp32.${torch === undefined ? '' : ' PyTorch is eager with `scaled_dot_product_attention`: *fp32*, with products in *tf32*, with\n*bf16* autocast.'}

${summary}

| Shape | | Images/s | ms a step | Against PyTorch fp32 | Lowest – highest |
| --- | --- | ---: | ---: | ---: | ---: |
${rows.join('\n')}

Ours computes the teacher's last block for the visible tokens only, which is exact; the PyTorch side computes it whole, as the official
code does.
`;
}

/** Of one of ours; nothing of another, or where nothing was compared. */
function summaryOf(contestant: string, sizes: GpuRecord['sizes']): string[] {
  const speeds = Object.values(sizes).flatMap(({ results }) => results.flatMap(({ name, ratios }) => (name === contestant && name.startsWith('compiled') && ratios ? [median(ratios)] : [])));
  if (speeds.length === 0) return [];
  const [least, most] = [Math.min(...speeds).toFixed(2), Math.max(...speeds).toFixed(2)];
  return [`**\`${contestant}\` has ${least} to ${most} of the speed of PyTorch eager in fp32.** Why, and what was tried, is in
[the engine's design page](../design/engine.md).`];
}

function stepRow(name: string, { imageSize, patchSize, width, depth, batch }: StepSize, { name: contestant, imagesPerSecond, millisecondsPerStep, ratios }: GpuStepResult): string {
  const shape = `${name.split(' ')[0]}: ${imageSize}×${imageSize}, patch ${patchSize}, ${width} × ${depth}, batch ${batch}`;
  const against = ratios ? [median(ratios).toFixed(2), `${Math.min(...ratios).toFixed(2)} – ${Math.max(...ratios).toFixed(2)}`] : ['', ''];
  return `| ${[shape, contestant, imagesPerSecond.toFixed(0), millisecondsPerStep.toFixed(1), ...against].join(' | ')} |`;
}

function memorySection({ sizes }: GpuRecord): string {
  const rows = Object.entries(sizes).flatMap(([name, { results }]) => {
    const known = results.filter(({ memoryMiB }) => memoryMiB !== undefined);
    return known.some(({ name: contestant }) => contestant.startsWith('compiled')) ? [`| ${[name, ...results.map(({ memoryMiB }) => memoryMiB?.toFixed(0) ?? '')].join(' | ')} |`] : [];
  });
  const contestants = Object.values(sizes)[0]?.results.map(({ name }) => name) ?? [];
  if (rows.length === 0) return '';
  return `## Memory

MiB of the GPU: ours as \`nvidia-smi\` counts, the driver's context included; PyTorch's as its allocator reserved. Shapes where ours is
not known are left out.

| Shape | ${contestants.join(' | ')} |
| --- |${' ---: |'.repeat(contestants.length)}
${rows.join('\n')}
`;
}

function paritySection(parity: readonly ParityResult[]): string {
  if (parity.length === 0) return '';
  const failed = parity.filter(({ error }) => error !== undefined);
  const worst = (key: 'loss' | 'gradient' | 'parameter'): string => {
    const { name, [key]: value = 0 } = parity.reduce((most, one) => ((one[key] ?? 0) > (most[key] ?? 0) ? one : most));
    return `${value.toExponential(1).replace('e-', '·10⁻').replace(/\d+$/, (digits) => [...digits].map((digit) => '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(digit)]).join(''))} (${name})`;
  };
  return `## The same numbers

${parity.length} cases of all methods against PyTorch in float64, ${failed.length === 0 ? 'none of which failed' : `of which failed: ${failed.map(({ name }) => name).join(', ')}`}. The largest relative deviations: losses
${worst('loss')}, gradients ${worst('gradient')}, parameters after the steps ${worst('parameter')}. The bounds
of the [tests](../../test/parity/expect-parity.ts), which \`npm run test:gpu\` keeps on a GPU in software, are 10⁻⁵, 10⁻⁴ and 2·10⁻⁵.
`;
}
