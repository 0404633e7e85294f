/** Fine-tuning in a run: where it stands among its evaluations, and what a stop leaves for resuming. */
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RunDirectory } from '../../../extension/core/runs/run-directory';
import { evaluateRun } from '../../../extension/training/evaluate';
import type { TrainingEvents, TrainingOutcome } from '../../../extension/training/events';
import { evaluationSchema } from '../../../extension/core/config/schema';
import type { FineTuneResult } from '../../../extension/training/finetune/fine-tune';
import { pretrain, resume } from '../../../extension/training/pretrain';
import { StopSignal } from '../../../extension/training/stop-signal';

let folder: string;
/** Nothing interrupted it. */
let whole: TrainingOutcome;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mim-finetune-'));
  whole = await pretrain({ configFile: await experimentIn('whole') });
}, 120_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

async function experimentIn(name: string): Promise<string> {
  const home = join(folder, name);
  await mkdir(home);
  const file = join(home, 'my.mim.yaml');
  await writeFile(
    file,
    `mim: 1
method: mae
data: { kind: shapes, size: 48, test_size: 20, image_size: 16, threads: 1 }
student: { patch_size: 4, width: 16, depth: 2, heads: 2 }
masking: { ratio: 0.5 }
decoder: { depth: 1 }
optimizer: { batch_size: 16, lr: 1e-3 }
schedule: { epochs: 1, warmup_epochs: 0 }
evaluate:
  - { protocol: finetune, at: end, epochs: 2 }
  - { protocol: finetune, at: end, epochs: 1, baselines: false }
  - { protocol: knn, at: end, baselines: false }
engine: { kind: compiled-cpu, threads: 1 }
runs: runs
`,
  );
  return file;
}

/** Asks for a stop as soon as a fine-tuning of `total` steps is at `step`. */
function stoppingAt(step: number, total: number, signal: StopSignal): TrainingEvents {
  return { onEvaluationProgress: (progress) => progress.phase === 'finetune' && progress.total === total && progress.done === step && signal.request('enough') };
}

async function recordsOf(run: string): Promise<Record<string, unknown>> {
  const records = await (await RunDirectory.open(run)).readEvaluations();
  return Object.fromEntries(records.map(({ protocol, result }) => [protocol, { ...(result as FineTuneResult), seconds: 0, featureSeconds: 0 }]));
}

describe('a run that fine-tunes', () => {
  it('has a record of the student and of what it is compared with', async () => {
    expect(whole.state).toBe('finished');
    expect(whole.evaluations.map(({ name, subject, step }) => `${name} of ${subject} at ${step}`)).toEqual(['knn of student at 3', 'finetune-e2 of student at 3', 'finetune-e1 of student at 3', 'finetune-e2-random of random at 0']);
    expect((await readdir(join(whole.run, 'evaluations'))).sort()).toEqual(['finetune-e1-3.json', 'finetune-e2-3.json', 'finetune-e2-random-0.json', 'knn-3.json']);
  });

  it('keeps what was done when it is stopped, and makes up for the rest', async () => {
    const signal = new StopSignal();
    // The second, of one epoch: eight steps.
    const stopped = await pretrain({ configFile: await experimentIn('stopped'), signal, events: stoppingAt(5, 8, signal) });
    expect(stopped.state).toBe('stopped');
    expect(Object.keys(await recordsOf(stopped.run)).sort()).toEqual(['finetune-e2', 'knn']);
    const outcome = await resume({ run: stopped.run });
    expect(outcome.state).toBe('finished');
    expect(await recordsOf(stopped.run)).toEqual(await recordsOf(whole.run));
  });

  it('is fine-tuned afterwards with the same result', async () => {
    const before = await recordsOf(whole.run);
    const results = await evaluateRun({ target: whole.run, evaluation: evaluationSchema.parse({ protocol: 'finetune', epochs: 2 }) });
    expect(results.map(({ name }) => name)).toEqual(['finetune-e2', 'finetune-e2-random']);
    expect(await recordsOf(whole.run)).toEqual(before);
  });
});
