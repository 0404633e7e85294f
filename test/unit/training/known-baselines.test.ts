/** What a run found of its teacher and of an untrained student, runs beside it do not find again. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { evaluationSchema } from '../../../extension/core/config/schema';
import { float32 } from '../../../extension/core/tensors';
import type { ImageSource } from '../../../extension/training/data/source';
import type { Engine } from '../../../extension/training/engines/engine';
import type { EvaluationResult } from '../../../extension/training/evaluation/evaluate';
import { KnownBaselines } from '../../../extension/training/known-baselines';
import { pretrain } from '../../../extension/training/pretrain';
import { probeResult, resultName } from '../../../extension/training/probe-results';
import { experiment } from '../model/experiments';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mim-baselines-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** The `top1` of each evaluation and the run that found it, by name, and what was said. */
async function trained(name: string, ...more: readonly string[]): Promise<{ found: Record<string, { top1: number; foundBy?: string }>; said: string[] }> {
  const configFile = join(folder, `${name}.mim.yaml`);
  const common = ['mim: 1', ...(more.some((line) => line.startsWith('data')) ? [] : ['data: { kind: shapes, size: 64, test_size: 64, image_size: 16, threads: 1 }']), 'student: { patch_size: 4, width: 16, depth: 2, heads: 2 }', 'optimizer: { batch_size: 8, lr: 1e-3 }', 'schedule: { epochs: 1 }', 'samples: { count: 0 }', 'engine: { kind: compiled-cpu, threads: 1 }', 'runs: runs'];
  await writeFile(configFile, [...common, ...more].join('\n'));
  const said: string[] = [];
  const { run } = await pretrain({ configFile, events: { onMessage: (line) => said.push(line) } });
  const files = await readdir(join(run, 'evaluations'));
  const found = await Promise.all(files.map(async (file) => [file.replace(/-\d+\.json$/, ''), JSON.parse(await readFile(join(run, 'evaluations', file), 'utf8')) as { top1: number; foundBy?: string }] as const));
  return { found: Object.fromEntries(found), said: said.filter((line) => line.startsWith('The evaluation of')) };
}

const KNN = 'evaluate: [{ protocol: knn, at: end, k: 5 }]';

it('takes them from the run that found them, whatever its method', async () => {
  const first = await trained('first', 'method: mae', KNN);
  const second = await trained('second', 'method: simmim', KNN);
  expect(first.found['knn-k5-random']).not.toHaveProperty('foundBy');
  expect(second.found['knn-k5-random']).toMatchObject({ top1: first.found['knn-k5-random']!.top1, foundBy: 'first' });
  expect(second.found['knn-k5']).not.toHaveProperty('foundBy');
  expect(second.said).toEqual(['The evaluation of random is that of first: the same weights, images and settings.']);
});

it.each([
  ['another seed', ['seed: 1', KNN]],
  ['other images', ['data: { kind: shapes, size: 72, test_size: 64, image_size: 16, threads: 1 }', KNN]],
  ['another protocol', ['evaluate: [{ protocol: knn, at: end, k: 7 }]']],
  ['other features', ['evaluate: [{ protocol: knn, at: end, k: 5, features: mean }]']],
])('finds its own for %s', async (_what, more) => {
  await trained('first', 'method: mae', KNN);
  const { said } = await trained('second', 'method: mae', ...more);
  expect(said).toEqual([]);
});

const source = { length: 4, classNames: ['a', 'b'], name: (index: number) => `${index}.png`, label: (index: number) => index % 2 } as unknown as ImageSource;

it('are shared by methods that crop otherwise, but for fine-tuning, which crops as they do', async () => {
  const engine = { describe: () => 'an engine' } as unknown as Engine;
  const knownTo = (method: 'mae' | 'simmim') => new KnownBaselines(folder, method, { experiment: experiment({ method, data: { kind: 'shapes', image_size: 16 } }), train: source, test: source, engine });
  const baseline = { subject: 'random', weights: { cls_token: float32([1, 1, 4]) }, depth: 2 } as const;
  for (const [protocol, isShared] of [['knn', true], ['linear', true], ['finetune', false]] as const) {
    const config = evaluationSchema.parse({ protocol, at: 'end' });
    const result = probeResult(resultName(config, 'random'), 'random', 0, { protocol, top1: 0.5 } as EvaluationResult);
    await knownTo('mae').keep(baseline, [config], [result]);
    expect((await knownTo('mae').recall(baseline, [config])).size, protocol).toBe(1);
    expect((await knownTo('simmim').recall(baseline, [config])).size, protocol).toBe(isShared ? 1 : 0);
  }
});

it('are shared by cards of one model and by what trainings round to, not by models', async () => {
  const knownOn = (device: string, more = {}) => new KnownBaselines(folder, device, { experiment: experiment({ method: 'mae', data: { kind: 'shapes', image_size: 16 } }), train: source, test: source, engine: { describe: () => ({ engine: 'wgsl', device, ...more }) } as unknown as Engine });
  const baseline = { subject: 'random', weights: { cls_token: float32([1, 1, 4]) }, depth: 2 } as const;
  const config = evaluationSchema.parse({ protocol: 'knn', at: 'end' });
  await knownOn('NVIDIA H100 (PCI 0000:04:00.0)').keep(baseline, [config], [probeResult(resultName(config, 'random'), 'random', 0, { protocol: 'knn', top1: 0.5 } as EvaluationResult)]);
  expect((await knownOn('NVIDIA H100 (PCI 0000:05:00.0)', { products: 'float16 on matrix units' }).recall(baseline, [config])).size).toBe(1);
  expect((await knownOn('NVIDIA A100 (PCI 0000:04:00.0)').recall(baseline, [config])).size).toBe(0);
});

it('finds its own where what was kept is damaged', async () => {
  const { found: first } = await trained('first', 'method: mae', KNN);
  const kept = join(folder, 'runs', '.mim', 'baselines');
  for (const file of await readdir(kept)) await writeFile(join(kept, basename(file)), '[{');
  const { found, said } = await trained('second', 'method: mae', KNN);
  expect(said).toEqual([]);
  expect(found['knn-k5-random']!.top1).toBe(first['knn-k5-random']!.top1);
});
