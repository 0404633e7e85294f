/** Fine-tuning as an evaluation: what it keeps of itself, and that it is the same when it is done again. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { evaluationSchema, type EvaluationConfig } from '../../../extension/core/config/schema';
import { openImageSource } from '../../../extension/training/data/open-source';
import { CompiledEngine } from '../../../extension/training/engines/compiled/compiled-engine';
import type { Engine } from '../../../extension/training/engines/engine';
import type { FineTuneResult } from '../../../extension/training/finetune/fine-tune';
import { initialVit } from '../../../extension/training/nn/initialise';
import { EvaluationStopped, Probes, type ProbeContext } from '../../../extension/training/probes';
import { RandomStream } from '../../../extension/training/random';
import { StopSignal } from '../../../extension/training/stop-signal';
import { experiment, MICRO_STUDENT, randomTeacher } from '../model/experiments';

const data = { kind: 'shapes', size: 96, test_size: 40, image_size: 16, threads: 1 } as const;
const resolved = experiment({ data, teacher: { ema: {} }, optimizer: { batch_size: 4 } });
const weights = initialVit(new RandomStream(1, 'initialise'), MICRO_STUDENT);

let engine: Engine;
let context: ProbeContext;
beforeAll(async () => {
  engine = CompiledEngine.create({ threads: 1 });
  const [train, test] = await Promise.all((['train', 'test'] as const).map((split) => openImageSource(resolved.data, split, resolved.data.seed)));
  context = { engine, experiment: resolved, train: train!, test: test! };
});
afterAll(() => engine.dispose());

const evaluation = (input: Partial<EvaluationConfig>): EvaluationConfig => evaluationSchema.parse({ protocol: 'finetune', at: 'end', ...input });

async function withProbes<Result>(work: (probes: Probes) => Promise<Result>, changed: Partial<ProbeContext> = {}): Promise<Result> {
  const probes = new Probes({ ...context, ...changed });
  try {
    return await work(probes);
  } finally {
    await probes.close();
  }
}

describe('fine-tuning a student', () => {
  it('runs', async () => {
    const [result] = await withProbes((probes) => probes.random(weights, [evaluation({ epochs: 2 })]));
    console.log(result);
  });
});
