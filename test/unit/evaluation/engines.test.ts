/** What the fast engine computes for the protocols is what the plain reference computes. */
import { beforeAll, describe, expect, it } from 'vitest';
import { plainVit, timmSpecs } from '../../../extension/core/checkpoints/teacher-shape';
import type { FeatureKind } from '../../../extension/core/config/evaluation-choices';
import type { VitShape } from '../../../extension/core/config/schema';
import { CompiledEngine } from '../../../extension/training/engines/compiled/compiled-engine';
import { EagerEngine } from '../../../extension/training/engines/eager/eager-engine';
import type { Engine, Program, StateStore } from '../../../extension/training/engines/engine';
import { NativeEngine } from '../../../extension/training/engines/native/native-engine';
import { studentFeatureProgram, teacherFeatureProgram } from '../../../extension/training/evaluation/encoders';
import { runEncoder } from '../../../extension/training/evaluation/features';
import type { ExtractedFeatures } from '../../../extension/training/evaluation/features';
import { sameEveryEpoch } from '../../../extension/training/evaluation/epoch-parts';
import { linearHeads } from '../../../extension/training/evaluation/linear-head';
import { trainHeads } from '../../../extension/training/evaluation/head-trainer';
import { knn } from '../../../extension/training/evaluation/knn';
import { initialTensors } from '../../../extension/training/nn/initialise';
import { sinCosPositions } from '../../../extension/training/nn/positions';
import { RandomStream } from '../../../extension/training/random';
import { prepareTeacher } from '../../../extension/training/teachers/prepare';
import { nativeHere } from '../../native-here';
import { blobs } from './sets';

let eager: Engine;
beforeAll(async () => {
  eager = await EagerEngine.create('cpu');
});

const fastEngines: Record<string, () => Promise<Engine>> = { compiled: () => CompiledEngine.create({ threads: 1 }), ...Object.fromEntries(nativeHere.map((kind) => [kind, () => NativeEngine.create({ threads: 1 })])) };

const shape: VitShape = { imageSize: 8, patchSize: 4, width: 8, depth: 2, heads: 2, mlpRatio: 2, dropPath: 0.1 };
const { pos_embed: _positions, ...trained } = timmSpecs(plainVit(shape));
const parameters = initialTensors(new RandomStream(0, 'student'), trained);

async function featuresOf<Kind extends FeatureKind = 'cls' | 'mean'>(engine: Engine, program: Program, state: StateStore, kinds?: readonly Kind[]): Promise<ExtractedFeatures<Kind>> {
  async function* images() {
    const random = new RandomStream(0, 'pixels');
    for (const size of [3, 3, 2]) yield { images: Float32Array.from({ length: size * 192 }, () => random.normal()), labels: new Int32Array(size) };
  }
  return runEncoder(await engine.compile(program), state, images(), undefined, kinds && { kinds });
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a).toHaveLength(b.length);
  return Array.from(a).reduce((largest, value, i) => Math.max(largest, Math.abs(value - b[i]!)), 0);
}

describe.each(Object.entries(fastEngines))('the eager engine and the %s one agree', (_name, create) => {
  let compiled: Engine;
  beforeAll(async () => {
    compiled = await create();
  });

  it('on the features of a student, read from its training state or from its average', async () => {
    const reference = await featuresOf(eager, studentFeatureProgram(shape, 3), eager.createState(parameters));
    const averaged = Object.fromEntries(Object.entries(parameters).map(([name, value]) => [`ema.${name}`, value]));
    const fast = await featuresOf(compiled, studentFeatureProgram(shape, 3, 'ema.'), compiled.createState({ ...averaged, 'exp_avg.cls_token': parameters['cls_token']! }));
    expect(reference.cls.width).toBe(8);
    expect(reference.cls.labels).toHaveLength(8);
    for (const kind of ['cls', 'mean'] as const) expect(largestDifference(fast[kind].features, reference[kind].features)).toBeLessThan(1e-5);
  });

  it('on both kinds in one vector, CLS first', async () => {
    const program = studentFeatureProgram(shape, 3, '', ['cls', 'mean', 'both']);
    for (const engine of [eager, compiled]) {
      const { cls, mean, both } = await featuresOf(engine, program, engine.createState(parameters), ['cls', 'mean', 'both']);
      expect(both.width).toBe(16);
      const rows = Array.from({ length: 8 }, (_, row) => [...cls.features.subarray(row * 8, row * 8 + 8), ...mean.features.subarray(row * 8, row * 8 + 8)]);
      expect(Array.from(both.features)).toEqual(rows.flat());
    }
  });

  it('on the features of a teacher, which are the student’s where the weights and the normalisation are', async () => {
    const images = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
    const teacher = prepareTeacher({ tensors: { ...parameters, pos_embed: sinCosPositions(8, 2) }, shape: plainVit(shape) }, shape, images);
    const fast = await featuresOf(compiled, teacherFeatureProgram(teacher, 8, 3), compiled.createState({}));
    const student = await featuresOf(eager, studentFeatureProgram(shape, 3), eager.createState(parameters));
    for (const kind of ['cls', 'mean'] as const) expect(largestDifference(fast[kind].features, student[kind].features)).toBeLessThan(1e-5);
  });

  it.each(['lars', 'sgd'] as const)('on stacked probes trained by %s', async (optimizer) => {
    const train = blobs(90, 3, 6, 1, 0);
    const training = { family: linearHeads, optimizer, learningRates: [0.1, 3], classes: 3, batchSize: 32, epochs: 3, warmupEpochs: 1, seed: 0 };
    const [reference, fast] = await Promise.all([eager, compiled].map((engine) => trainHeads(engine, sameEveryEpoch(train), training)));
    const [expected, actual] = [await reference!.state.read(), await fast!.state.read()];
    for (const name of Object.keys(expected)) expect(largestDifference(actual[name]!.data, expected[name]!.data), name).toBeLessThan(1e-4);
    expect(largestDifference(fast!.trainLoss, reference!.trainLoss)).toBeLessThan(1e-5);
  });

  it('on nearest neighbours', async () => {
    const [train, test] = [blobs(120, 4, 6, 1, 0), blobs(50, 4, 6, 1, 1)];
    expect(await knn(compiled, train, test, { k: 20, temperature: 0.07 })).toEqual(await knn(eager, train, test, { k: 20, temperature: 0.07 }));
  });
});
