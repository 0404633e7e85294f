/**
 * What probes of cached features cost: the linear probe (the small preset, its eight learning rates and 100 epochs) and kNN.
 *
 *   npm run bench:evaluation -- [--train 50000] [--test 10000] [--width 192] [--threads 2] [--rounds 3] [--json bench-evaluation.json]
 */
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import type { LabelledFeatures } from '../extension/training/evaluation/features';
import { knn } from '../extension/training/evaluation/knn';
import { linearProbe, PROBE_PRESETS } from '../extension/training/evaluation/linear-probe';
import { RandomStream } from '../extension/training/random';
import { cpuEngine } from './cpu-engine';
import { processor } from './machine';
import { REFERENCE, referenceMs } from './ui-reference';

const { values: options } = parseArgs({
  options: {
    train: { type: 'string', default: '50000' },
    test: { type: 'string', default: '10000' },
    width: { type: 'string', default: '192' },
    threads: { type: 'string', default: String(availableParallelism()) },
    rounds: { type: 'string', default: '3' },
    json: { type: 'string' },
  },
});
const [trainImages, testImages, width, threads, rounds] = [options.train, options.test, options.width, options.threads, options.rounds].map(Number) as [number, number, number, number, number];
const CLASSES = 10;

/** A cloud a class, overlapping. */
function clouds(name: string, images: number): LabelledFeatures {
  const random = new RandomStream(1, name);
  const labels = Int32Array.from({ length: images }, (_, image) => image % CLASSES);
  const features = Float32Array.from({ length: images * width }, (_, i) => random.normal() + ((i % width) % CLASSES === labels[Math.floor(i / width)] ? 0.3 : 0));
  return { features, width, labels };
}

const engine = await cpuEngine(threads);
const [train, test] = [clouds('train', trainImages), clouds('test', testImages)];

/** Seconds, and the accuracy, so that one sees that something was learnt. */
async function timed(name: string, evaluate: () => Promise<{ top1: number }>): Promise<{ name: string; seconds: number; top1: number }> {
  const begun = performance.now();
  const { top1 } = await evaluate();
  return { name, seconds: (performance.now() - begun) / 1000, top1 };
}

const measured: Awaited<ReturnType<typeof timed>>[] = [];
const references: number[] = [];
for (let round = 0; round < rounds; round++) {
  references.push(referenceMs());
  measured.push(await timed('linear probe', () => linearProbe(engine, train, test, { preset: PROBE_PRESETS.small, seed: round })));
  measured.push(await timed('kNN', () => knn(engine, train, test, { k: 20, temperature: 0.07 })));
}
console.log(`${trainImages} × ${testImages} features of ${width}, ${threads} threads, ${processor()}`);
for (const { name, seconds, top1 } of measured) console.log(`${name.padEnd(14)} ${seconds.toFixed(1).padStart(6)} s  top-1 ${(100 * top1).toFixed(1)} %`);
console.log(`${REFERENCE}: ${references.map((ms) => ms.toFixed(0)).join(', ')} ms`);
if (options.json) writeFileSync(options.json, `${JSON.stringify({ trainImages, testImages, width, threads, cpu: processor(), measured, references }, undefined, 2)}\n`);
process.exit();
