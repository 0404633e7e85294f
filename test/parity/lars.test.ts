/** The steps of a linear probe against PyTorch (fixtures/lars.py): BatchNorm1d, cross-entropy gradient, LARS and SGD. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { float32, int32 } from '../../extension/core/tensors';
import { EagerEngine } from '../../extension/training/engines/eager/eager-engine';
import type { Engine } from '../../extension/training/engines/engine';
import { NativeEngine } from '../../extension/training/engines/native/native-engine';
import { headEvalProgram, headTrainProgram, initialHeads } from '../../extension/training/evaluation/linear-head';
import { RandomStream } from '../../extension/training/random';
import { nativeHere } from '../native-here';

interface Step {
  lr: number;
  loss: number;
  weight: number[];
  bias: number[];
  running_mean: number[];
  running_var: number[];
  logits: number[];
}

interface Fixture {
  batch: number;
  width: number;
  classes: number;
  weight: number[];
  batches: { features: number[]; labels: number[] }[];
  evalFeatures: number[];
  steps: Record<'lars' | 'sgd', Step[]>;
}

const fixture = JSON.parse(readFileSync(new URL('./fixtures/lars.json', import.meta.url), 'utf8')) as Fixture;
const { batch, width, classes } = fixture;

/** Runs the three steps with the fixture's rates on one head, or beside a second head whose rate is halved. */
async function replay(engine: Engine, optimizer: 'lars' | 'sgd', heads: 1 | 2) {
  const sizes = { heads, classes, width };
  const weight = Float32Array.from(Array.from({ length: heads }, () => fixture.weight).flat());
  const state = engine.createState({ ...initialHeads(sizes, new RandomStream(0, 'test')), weight: float32([heads, classes, width], weight) });
  const train = await engine.compile(headTrainProgram(sizes, batch, optimizer));
  const score = await engine.compile(headEvalProgram(sizes, batch));
  const steps = [];
  for (const [i, { features, labels }] of fixture.batches.entries()) {
    const lr = fixture.steps[optimizer][i]!.lr;
    const [readings] = await train.run(state, [
      {
        features: float32([batch, width], Float32Array.from(features)),
        labels: int32([batch], Int32Array.from(labels)),
        lr: float32([heads], Float32Array.from([lr, lr / 2].slice(0, heads))),
      },
    ]);
    const [scored] = await score.run(state, [{ features: float32([batch, width], Float32Array.from(fixture.evalFeatures)) }]);
    steps.push({ loss: readings!.loss!.data[0]!, logits: scored!.logits!.data, state: await state.read() });
  }
  return steps;
}

/** Largest difference relative to the largest reference value; `actual` may go on with further heads. */
function difference(actual: ArrayLike<number>, expected: readonly number[]): number {
  const scale = Math.max(...expected.map(Math.abs));
  return Math.max(...expected.map((value, i) => Math.abs(actual[i]! - value))) / scale;
}

const engines: Record<string, () => Promise<Engine>> = { eager: () => EagerEngine.create('cpu'), ...Object.fromEntries(nativeHere.map((kind) => [kind, () => NativeEngine.create({ threads: 1 })])) };
const cases = Object.entries(engines).flatMap(([name, create]) => (['lars', 'sgd'] as const).map((optimizer) => [optimizer, name, create] as const));

describe.each(cases)('a linear probe trained by %s on the %s engine', (optimizer, _name, create) => {
  it('follows PyTorch for three steps: loss, weights, bias, running statistics, logits in evaluation mode', async () => {
    const steps = await replay(await create(), optimizer, 1);
    fixture.steps[optimizer].forEach((expected, i) => {
      const actual = steps[i]!;
      expect(Math.abs(actual.loss - expected.loss) / expected.loss).toBeLessThan(1e-6);
      for (const name of ['weight', 'bias', 'running_mean', 'running_var'] as const) {
        expect(difference(actual.state[name]!.data, expected[name]), `${name}, step ${i + 1}`).toBeLessThan(2e-6);
      }
      expect(difference(actual.logits, expected.logits), `logits, step ${i + 1}`).toBeLessThan(5e-6);
    });
  });

  it('is not changed by another head trained beside it', async () => {
    const steps = await replay(await create(), optimizer, 2);
    fixture.steps[optimizer].forEach((expected, i) => {
      expect(difference(steps[i]!.state.weight!.data, expected.weight)).toBeLessThan(2e-6);
      expect(difference(steps[i]!.state.bias!.data, expected.bias)).toBeLessThan(2e-6);
    });
  });
});
