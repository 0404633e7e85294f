/** The measures of attention and token maps against their definitions, written as loops. */
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { attentionDistance, attentionEntropy, attentionNmi, headLikeness, meanPairCosine, patchAttention, patchDistances } from '../../../extension/training/diagnostics/attention-maps';
import { fourierLogAmplitude, highestWave } from '../../../extension/training/diagnostics/token-maps';
import { EagerEngine } from '../../../extension/training/engines/eager/eager-engine';
import { RandomStream } from '../../../extension/training/random';

await EagerEngine.create('cpu');

const [B, H, GRID] = [2, 2, 3];
const L = GRID * GRID;
const random = new RandomStream(3, 'maps');
const values = (count: number) => Array.from({ length: count }, () => random.normal());
const read = (tensor: tf.Tensor): number[] => Array.from(tensor.dataSync());
const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);
const mean = (numbers: readonly number[]) => sum(numbers) / numbers.length;

/** [B][H][L][L] of some attention with two tokens before the patches, and the tensor it is of. */
function someMaps(sharpness: number): { tensor: tf.Tensor; maps: number[][][][] } {
  const tensor = tf.softmax(tf.mul(tf.tensor4d(values(B * H * (L + 2) ** 2), [B, H, L + 2, L + 2]), sharpness));
  const whole = tensor.arraySync() as number[][][][];
  const maps = whole.map((heads) => heads.map((rows) => rows.slice(2).map((row) => row.slice(2).map((value, _, kept) => value / sum(kept)))));
  return { tensor: patchAttention(tensor, 2), maps };
}

function expectClose(found: readonly number[], wanted: readonly number[]): void {
  expect(found).toHaveLength(wanted.length);
  found.forEach((value, i) => expect(value).toBeCloseTo(wanted[i]!, 5));
}

const perHead = (maps: number[][][][], measure: (rows: number[][]) => number): number[] => Array.from({ length: H }, (_, head) => mean(maps.map((heads) => measure(heads[head]!))));
const entropy = (shares: readonly number[]) => -sum(shares.map((p) => p * Math.log(p)));

describe.each([0.5, 3])('attention of sharpness %d', (sharpness) => {
  const distance = (a: number, b: number) => Math.hypot(Math.floor(a / GRID) - Math.floor(b / GRID), (a % GRID) - (b % GRID));

  it('is dropped to patches and renormalised', () => {
    const { tensor, maps } = someMaps(sharpness);
    expectClose(read(tensor), maps.flat(3));
  });

  it('has a mean distance, an entropy and a mutual information for each head', () => {
    const { tensor, maps } = someMaps(sharpness);
    const distances = tf.tensor2d(patchDistances(GRID), [L, L]);
    expectClose(read(attentionDistance(tensor, distances)), perHead(maps, (rows) => mean(rows.map((row, q) => sum(row.map((a, k) => a * distance(q, k)))))));
    expectClose(read(attentionEntropy(tensor)), perHead(maps, (rows) => mean(rows.map(entropy)) / Math.log(L)));
    expectClose(read(attentionNmi(tensor)), perHead(maps, (rows) => {
      const keys = rows[0]!.map((_, k) => mean(rows.map((row) => row[k]!)));
      const information = sum(rows.flatMap((row) => row.map((a, k) => (a / L) * Math.log(a / keys[k]!))));
      return information / Math.sqrt(Math.log(L) * entropy(keys));
    }));
  });
});

describe('extremes of attention', () => {
  const uniform = tf.fill([1, 1, L, L], 1 / L);
  const itself = tf.reshape(tf.eye(L), [1, 1, L, L]);
  const onePatch = tf.tile(tf.reshape(tf.oneHot(tf.tensor1d([4], 'int32'), L), [1, 1, 1, L]), [1, 1, L, 1]);

  it('everywhere alike: entropy 1, information 0', () => expectClose([...read(attentionEntropy(uniform)), ...read(attentionNmi(uniform))], [1, 0]));
  it('each to itself: entropy 0, information 1, distance 0', () => expectClose([...read(attentionEntropy(itself)), ...read(attentionNmi(itself)), ...read(attentionDistance(itself, tf.tensor2d(patchDistances(GRID), [L, L])))], [0, 1, 0]));
  it('all to one patch: collapsed, information 0', () => expectClose([...read(attentionEntropy(onePatch)), ...read(attentionNmi(onePatch))], [0, 0]));
});

describe('likeness', () => {
  it('of rows is the mean cosine of pairs', () => {
    const rows = Array.from({ length: B }, () => Array.from({ length: 5 }, () => values(4)));
    const cosine = (a: number[], b: number[]) => sum(a.map((x, i) => x * b[i]!)) / Math.hypot(...a) / Math.hypot(...b);
    const wanted = mean(rows.flatMap((image) => image.flatMap((a, i) => image.filter((_, j) => j !== i).map((b) => cosine(a, b)))));
    expectClose(read(meanPairCosine(tf.tensor3d(rows))), [wanted]);
  });

  it('of heads is 1 where they do the same, and 0 where they look at different patches', () => {
    const eye = tf.reshape(tf.eye(L), [1, 1, L, L]);
    const shifted = tf.reshape(tf.oneHot(tf.tensor1d(Array.from({ length: L }, (_, i) => (i + 1) % L), 'int32'), L), [1, 1, L, L]);
    expectClose([...read(headLikeness(tf.concat([eye, eye], 1))), ...read(headLikeness(tf.concat([eye, tf.cast(shifted, 'float32')], 1)))], [1, 0]);
  });
});

describe('frequencies of tokens', () => {
  it.each([4, 5, 8])('on a grid of %d: the last of the half-diagonal against the constant, by the definition of the transform', (grid) => {
    const [channels, patches] = [3, grid * grid];
    const tokens = Array.from({ length: B }, () => Array.from({ length: patches }, () => values(channels)));
    const h = Math.floor((grid - 1) / 2);
    const amplitude = (image: number[][], channel: number, frequency: number): number => {
      const phase = (at: number) => (-2 * Math.PI * frequency * (Math.floor(at / grid) + (at % grid))) / grid;
      return Math.hypot(sum(image.map((token, at) => token[channel]! * Math.cos(phase(at)))), sum(image.map((token, at) => token[channel]! * Math.sin(phase(at)))));
    };
    const wanted = mean(tokens.flatMap((image) => [0, 1, 2].map((channel) => Math.log(amplitude(image, channel, h) + 1e-6) - Math.log(amplitude(image, channel, 0) + 1e-6))));
    expectClose(read(fourierLogAmplitude(tf.tensor3d(tokens), tf.tensor2d(highestWave(grid), [2, patches]))), [wanted]);
  });
});
