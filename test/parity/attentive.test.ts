/** Efficient probing against PyTorch (fixtures/attentive.py): loss, gradients, LARS and SGD steps, logits in evaluation mode. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { float32, int32, type NamedTensors } from '../../extension/core/tensors';
import { CompiledEngine } from '../../extension/training/engines/compiled/compiled-engine';
import { EagerEngine } from '../../extension/training/engines/eager/eager-engine';
import type { Engine } from '../../extension/training/engines/engine';
import { NativeEngine } from '../../extension/training/engines/native/native-engine';
import { attentiveHeads } from '../../extension/training/evaluation/attentive-head';
import { RandomStream } from '../../extension/training/random';
import { nativeHere } from '../native-here';

const NAMES = ['queries', 'values', 'weight', 'bias'] as const;
type Parameters = Record<(typeof NAMES)[number], number[]>;

interface Fixture {
  batch: number;
  tokens: number;
  width: number;
  queries: number;
  classes: number;
  start: Parameters;
  batches: { tokens: number[]; labels: number[] }[];
  probe: number[];
  steps: Record<'lars' | 'sgd', { lr: number; loss: number; gradients: Parameters; parameters: Parameters; logits: number[] }[]>;
}

const fixture = JSON.parse(readFileSync(new URL('./fixtures/attentive.json', import.meta.url), 'utf8')) as Fixture;
const { batch, tokens, width, queries, classes } = fixture;
const family = attentiveHeads(tokens, queries);

function startOf(heads: number): NamedTensors {
  const state = { ...family.initial({ heads, classes, width: tokens * width }, new RandomStream(0, 'test')) };
  for (const name of NAMES) state[name] = float32(state[name]!.shape, Float32Array.from(Array.from({ length: heads }, () => fixture.start[name]).flat()));
  return state;
}

/** The three steps on one head, or beside a second one whose rate is halved. */
async function replay(engine: Engine, optimizer: 'lars' | 'sgd', heads: 1 | 2) {
  const sizes = { heads, classes, width: tokens * width };
  const state = engine.createState(startOf(heads));
  const train = await engine.compile(family.trainProgram(sizes, batch, optimizer));
  const score = await engine.compile(family.scoreProgram(sizes, batch));
  const features = (values: number[]) => float32([batch, tokens * width], Float32Array.from(values));
  const steps = [];
  for (const [i, given] of fixture.batches.entries()) {
    const { lr } = fixture.steps[optimizer][i]!;
    const [readings] = await train.run(state, [{ features: features(given.tokens), labels: int32([batch], Int32Array.from(given.labels)), lr: float32([heads], Float32Array.from([lr, lr / 2].slice(0, heads))) }]);
    const [scored] = await score.run(state, [{ features: features(fixture.probe) }]);
    steps.push({ loss: readings!.loss!.data[0]!, logits: scored!.logits!.data, state: await state.read() });
  }
  return steps;
}

/** Largest difference relative to the largest reference value; `actual` may go on with further heads. */
function difference(actual: ArrayLike<number>, expected: readonly number[]): number {
  const scale = Math.max(...expected.map(Math.abs));
  return Math.max(...expected.map((value, i) => Math.abs(actual[i]! - value))) / scale;
}

const engines: [string, () => Promise<Engine>][] = [
  ['eager', () => EagerEngine.create('cpu')],
  ['compiled', () => CompiledEngine.create({ threads: 1 })],
  ...nativeHere.map((kind): [string, () => Promise<Engine>] => [kind, () => NativeEngine.create({ threads: 1 })]),
];

describe.each(engines)('an attentive probe on the %s engine', (_name, create) => {
  it('has the gradients of PyTorch: the first velocities of SGD', async () => {
    const [first] = await replay(await create(), 'sgd', 1);
    const { gradients } = fixture.steps.sgd[0]!;
    for (const name of NAMES) expect(difference(first!.state[`velocity.${name}`]!.data, gradients[name]), name).toBeLessThan(5e-6);
  });

  it.each(['lars', 'sgd'] as const)('follows PyTorch for three steps of %s', async (optimizer) => {
    const steps = await replay(await create(), optimizer, 1);
    fixture.steps[optimizer].forEach((expected, i) => {
      const actual = steps[i]!;
      expect(Math.abs(actual.loss - expected.loss) / expected.loss).toBeLessThan(2e-6);
      for (const name of NAMES) expect(difference(actual.state[name]!.data, expected.parameters[name]), `${name}, step ${i + 1}`).toBeLessThan(5e-6);
      expect(difference(actual.logits, expected.logits), `logits, step ${i + 1}`).toBeLessThan(1e-5);
    });
  });

  it('is not changed by another head trained beside it', async () => {
    const steps = await replay(await create(), 'lars', 2);
    fixture.steps.lars.forEach((expected, i) => {
      for (const name of NAMES) expect(difference(steps[i]!.state[name]!.data, expected.parameters[name])).toBeLessThan(5e-6);
    });
  });
});
