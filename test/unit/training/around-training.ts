/** What surrounds a training, on one engine as on `compiled-cpu`: diagnostics, evaluations, pictures, and going on from a checkpoint. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { diagnoseRun } from '../../../extension/training/diagnose';
import type { EngineKind } from '../../../extension/training/engines/create';
import { pretrain, resume } from '../../../extension/training/pretrain';
import { lossesOf } from './run-results';

const data = 'data: { kind: shapes, size: 16, test_size: 16, image_size: 16, threads: 1 }';
const student = 'student: { patch_size: 4, width: 8, depth: 2, heads: 2, mlp_ratio: 1, drop_path: 0.1 }';
const rest = (kind: string): string => `
schedule: { epochs: 2, warmup_epochs: 0 }
log_every: 1
diagnostics: { every: 1, images: 8 }
samples: { every: 1, count: 2 }
engine: { kind: ${kind}, threads: 1, steps_per_run: 2 }
`;

/** With a teacher, an alignment to look at, and probes of every kind; the other with pixels to paint, and passes that are added up. */
const experiments = {
  maskalign: (kind: string): string => `mim: 1
method: maskalign
${data}
${student}
teacher: { ema: { momentum: 0.9 } }
masking: { strategy: attentive, ratio: 0.5 }
optimizer: { batch_size: 4, lr: 1e-3 }
evaluate:
  - { protocol: knn, k: 3, at: end, features: both, layers: all, baselines: false }
  - { protocol: linear, epochs: 2, at: end, baselines: false }
  - { protocol: attentive, epochs: 2, at: end, baselines: false }
  - { protocol: finetune, epochs: 1, at: end, baselines: false }
${rest(kind)}`,
  mae: (kind: string): string => `mim: 1
method: mae
${data}
${student}
decoder: { width: 8, depth: 1, heads: 2 }
optimizer: { batch_size: 4, accumulate: 2, lr: 1e-3, clip_grad: 1 }
logging: { gradients: true }
${rest(kind)}`,
};
type Name = keyof typeof experiments;

interface Around {
  readonly losses: readonly number[];
  readonly diagnostics: Record<string, unknown>;
  readonly evaluations: Record<string, unknown>;
  readonly messages: readonly string[];
}

async function recordsIn(run: string, part: 'diagnostics' | 'evaluations'): Promise<Record<string, unknown>> {
  const names = await readdir(join(run, part)).catch(() => []);
  return Object.fromEntries(await Promise.all(names.sort().map(async (name) => [name, JSON.parse(await readFile(join(run, part, name), 'utf8')) as unknown] as const)));
}

/** Of what differs by clock and place, nothing; of images counted, that few went elsewhere; of other numbers, their distance. */
const UNLIKE = new Set(['seconds', 'featureSeconds', 'engine', 'foundBy', 'confusion', 'perClass']);
const COUNTED = /top\d/i;
const FEW = 0.2;

/** @param bound of numbers, relative to those above 1 */
function expectAlike(actual: unknown, expected: unknown, bound: number, at = ''): void {
  if (typeof expected === 'number') {
    const most = COUNTED.test(at) ? FEW : bound * Math.max(1, Math.abs(expected));
    expect(Math.abs((actual as number) - expected), `${at}: ${String(actual)} for ${expected}`).toBeLessThanOrEqual(most);
  } else if (typeof expected === 'object' && expected !== null) {
    expect(Object.keys(actual as object), at).toEqual(Object.keys(expected));
    for (const [key, value] of Object.entries(expected)) if (!UNLIKE.has(key)) expectAlike((actual as Record<string, unknown>)[key], value, bound, `${at}.${key}`);
  } else expect(actual, at).toEqual(expected);
}

/** Of the channels of two pictures, 0 to 255, the largest difference. */
async function difference(actual: string, expected: string): Promise<number> {
  const [one, other] = await Promise.all([actual, expected].map((file) => sharp(file).raw().toBuffer()));
  expect(one!.length, actual).toBe(other!.length);
  return one!.reduce((most, value, i) => Math.max(most, Math.abs(value - other![i]!)), 0);
}

export function keepsWhatSurroundsATraining(kinds: readonly EngineKind[]): void {
  let folder: string;
  /** What `compiled-cpu` has. */
  const expected = new Map<Name, Around>();
  const runOf = (name: Name, kind: string): string => join(folder, kind, name);
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mim-around-'));
    for (const name of ['maskalign', 'mae'] as const) expected.set(name, await trained(name, 'compiled-cpu'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  /** In two parts, the second from the checkpoint of the first. */
  async function trained(name: Name, kind: string): Promise<Around> {
    const configFile = join(folder, `${name}.mim.yaml`);
    await writeFile(configFile, experiments[name](kind));
    const messages: string[] = [];
    const events = { onMessage: (line: string) => void messages.push(line) };
    expect(await pretrain({ configFile, name, runsFolder: join(folder, kind), untilEpoch: 1, events })).toMatchObject({ state: 'stopped' });
    expect(await resume({ run: runOf(name, kind), events })).toMatchObject({ state: 'finished' });
    const run = runOf(name, kind);
    return { losses: await lossesOf(run), diagnostics: await recordsIn(run, 'diagnostics'), evaluations: await recordsIn(run, 'evaluations'), messages };
  }

  describe.each(kinds)('on %s', (kind) => {
    it.each(['maskalign', 'mae'] as const)('%s has the losses, diagnostics, evaluations and pictures of compiled-cpu, also after it was resumed', async (name) => {
      const found = await trained(name, kind);
      const { losses, diagnostics, evaluations } = expected.get(name)!;
      expect(found.messages.filter((line) => /failed|training goes on/.test(line))).toEqual([]);
      expectAlike(found.losses, losses, 1e-4);
      expectAlike(found.diagnostics, diagnostics, 1e-3);
      expectAlike(found.evaluations, evaluations, 2e-3);
      const [here, there] = [runOf(name, kind), runOf(name, 'compiled-cpu')];
      const pictures = await readdir(join(there, 'samples'));
      expect(await readdir(join(here, 'samples'))).toEqual(pictures);
      for (const picture of pictures) expect(await difference(join(here, 'samples', picture), join(there, 'samples', picture)), picture).toBeLessThanOrEqual(1);
    });

    it.each(['maskalign', 'mae'] as const)('%s is diagnosed later as along the training, by ratio too', async (name) => {
      const along = expected.get(name)!.diagnostics['step-8.json'] as object;
      const later = await diagnoseRun({ target: runOf(name, kind), images: 8, ratios: true });
      const { lossByRatio } = await diagnoseRun({ target: runOf(name, 'compiled-cpu'), images: 8, ratios: true });
      expect(lossByRatio!.length).toBeGreaterThan(0);
      expectAlike(JSON.parse(JSON.stringify(later)), { ...along, lossByRatio }, 1e-3);
    });
  });
}
