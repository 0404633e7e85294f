/**
 * From `mim pretrain` to the first finished step: the whole program, started anew each time.
 *
 *   npm run bench:startup -- [--rounds 5] [--threads 2] [--json bench-startup.json]
 *
 * The tiny shape of step-case.ts, by names of the experiment file, with a teacher of random weights in a file.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { writeSafetensors } from '../extension/core/checkpoints/safetensors';
import { vitMetadata } from '../extension/core/checkpoints/vit-metadata';
import { GRAPHS_VARIABLE } from '../extension/training/engines/compiled/graph-cache';
import { processor } from './machine';
import { alignedLevels, maskRatio, randomTeacher, stepSizes } from './step-case';
import { REFERENCE, referenceMs } from './ui-reference';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    threads: { type: 'string', default: String(os.availableParallelism()) },
    json: { type: 'string' },
  },
});
const { batch, imageSize, patchSize, width, depth, heads } = stepSizes.tiny;
const program = path.join(import.meta.dirname, 'mim.mjs');

/** Seconds until the first step is told. @param graphs where compiled graphs are kept, or `off` */
async function firstStep(config: string, graphs: string): Promise<number> {
  const begun = performance.now();
  const child = spawn(process.execPath, [program, 'pretrain', config, '--json'], { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, [GRAPHS_VARIABLE]: graphs } });
  const ended = new Promise((resolve) => child.once('close', resolve));
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      if ((JSON.parse(line) as { event?: string }).event === 'step') return (performance.now() - begun) / 1000;
    }
    throw new Error('The training ended before its first step.');
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
}

const folder = await mkdtemp(path.join(os.tmpdir(), 'mim-startup-'));
try {
  const teacher = randomTeacher({ imageSize, patchSize, width, depth, heads, mlpRatio: 4, dropPath: 0 });
  await writeSafetensors(path.join(folder, 'teacher.safetensors'), teacher.tensors, vitMetadata(teacher.shape));
  /** @param engine `auto` is the fastest that works here */
  const configFor = async (engine: 'auto' | 'compiled-cpu'): Promise<string> => {
    const config = path.join(folder, `${engine}.mim.yaml`);
    await writeFile(config, `mim: 1
method: maskalign
data: { kind: shapes, size: 10000, image_size: ${imageSize} }
student: { patch_size: ${patchSize}, width: ${width}, depth: ${depth}, heads: ${heads} }
teacher: { checkpoint: teacher.safetensors }
masking: { ratio: ${maskRatio} }
alignment: { levels: top${alignedLevels} }
optimizer: { batch_size: ${batch}, lr: 1e-4 }
engine: { kind: ${engine}, threads: ${options.threads} }
`);
    return config;
  };
  const [fastest, compiled] = [await configFor('auto'), await configFor('compiled-cpu')];
  const automatic: number[] = [];
  const seconds: number[] = [];
  const withoutCache: number[] = [];
  const references: number[] = [];
  for (let round = 0; round < Number(options.rounds); round++) {
    references.push(referenceMs());
    const graphs = path.join(folder, 'graphs');
    // The first start of all makes what the others find.
    if (round === 0) await firstStep(compiled, graphs);
    automatic.push(await firstStep(fastest, graphs));
    seconds.push(await firstStep(compiled, graphs));
    withoutCache.push(await firstStep(compiled, 'off'));
  }
  const shown = (of: readonly number[]): string => of.map((each) => each.toFixed(1)).join(', ');
  console.log(`From \`mim pretrain\` to the first finished step: auto ${shown(automatic)} s; compiled-cpu ${shown(seconds)} s; without compiled graphs on disk ${shown(withoutCache)} s`);
  console.log(`${REFERENCE}: ${references.map((ms) => ms.toFixed(0)).join(', ')} ms`);
  if (options.json) writeFileSync(options.json, `${JSON.stringify({ threads: Number(options.threads), cpu: processor(), automatic, seconds, withoutCache, references }, undefined, 2)}\n`);
} finally {
  await rm(folder, { recursive: true, force: true });
}
