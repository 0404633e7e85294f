import { describe, expect, test } from 'vitest';
import { float32 } from '../../../extension/core/tensors';
import { classify } from '../../../extension/training/evaluation/classifier';

describe('a trained classifier', () => {
  // Two features; class 0 is where the first is larger, class 1 where the second is, class 2 never without its bias.
  const weight = float32([3, 2], Float32Array.of(1, 0, 0, 1, 0, 0));
  const test4 = { features: Float32Array.of(2, 1, 1, 2, 3, 0, 0, 1), width: 2, labels: Int32Array.of(0, 1, 1, 1) };

  test('is scored by its logits, W·x + b', () => {
    const result = classify({ weight, bias: float32([3]), features: 'cls' }, test4);
    expect(result).toMatchObject({ protocol: 'classifier', top1: 0.75, testImages: 4, classes: 3, perClass: [1, 2 / 3, null] });
  });

  test('reads its bias', () => {
    expect(classify({ weight, bias: float32([3], Float32Array.of(0, 0, 100)), features: 'cls' }, test4).top1).toBe(0);
  });
});
