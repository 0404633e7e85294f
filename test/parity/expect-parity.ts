/** A parity case trained on an engine, and what is compared with the numbers of PyTorch: losses, readings, gradients, parameters. */
import { expect } from 'vitest';
import type { Engine } from '../../extension/training/engines/engine';
import { deviation, expectedTensors, withPrefix, type ParityCase } from './parity-case';
import { train, type Asked } from './train-case';

export async function expectParity(engine: Engine, parityCase: ParityCase, asked?: Asked): Promise<void> {
  const { losses, readings, gradients, parameters } = await train(engine, parityCase, { asked });
  const expected = await expectedTensors(parityCase.name);

  losses.forEach((loss, step) => expect(Math.abs(loss / parityCase.losses[step]! - 1), `loss of step ${step}`).toBeLessThan(step === 0 ? 1e-6 : 1e-5));
  parityCase.grad_norms.forEach((norm, step) => expect(readings[step]!['grad_norm']!.data[0]! / norm).toBeCloseTo(1, 4));
  parityCase.level_losses?.forEach((levels, step) => {
    const actual = readings[step]!['level_losses'];
    if (actual) levels.forEach((level, k) => expect(actual.data[k]! / level).toBeCloseTo(1, 4));
  });
  parityCase.level_cosines?.forEach((levels, step) => {
    const actual = readings[step]!['level_cosines'];
    if (actual) levels.forEach((cosine, k) => expect(actual.data[k]).toBeCloseTo(cosine, 5));
  });
  parityCase.accuracies?.forEach((accuracy, step) => expect(readings[step]!['accuracy']!.data[0]).toBeCloseTo(accuracy, 6));
  parityCase.cosines?.forEach((cosine, step) => expect(readings[step]!['cosine']!.data[0]).toBeCloseTo(cosine, 5));
  const keepIds = readings[0]!['keepIds'];
  if (expected['keepIds'] && keepIds) expect(Array.from(keepIds.data)).toEqual(Array.from(expected['keepIds'].data));

  expect(withPrefix(expected, 'grad.').map(([parameter]) => parameter).filter((parameter) => !gradients[parameter])).toEqual([]);
  for (const [parameter, gradient] of withPrefix(expected, 'grad.')) {
    expect(deviation(parameter, gradients[parameter]!, gradient), `gradient of ${parameter}`).toBeLessThan(1e-4);
  }
  for (const [parameter, value] of withPrefix(expected, 'param.')) {
    expect(deviation(parameter, parameters[parameter]!, value), `${parameter} after the steps`).toBeLessThan(2e-5);
  }
  for (const [parameter, value] of withPrefix(expected, 'ema.')) {
    expect(deviation(parameter, parameters[`ema.${parameter}`]!, value), `average of ${parameter}`).toBeLessThan(2e-5);
  }
}
