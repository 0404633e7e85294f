import { expect, it } from 'vitest';
import { collapseWarning, diagnosedSpread, lossWarnings } from '../../../extension/core/series/early-warnings';
import { SeriesStore } from '../../../extension/core/series/series-store';
import type { Diagnostics, LevelDiagnostics } from '../../../extension/core/runs/diagnostics';
import { resolvedOf } from '../config/experiment-of';

function storeOf(lossAt: (step: number) => number, steps = 400): SeriesStore {
  const store = new SeriesStore();
  for (let step = 1; step <= steps; step++) store.add({ step, epoch: step / 10, loss: lossAt(step) });
  return store;
}

const maskalign = resolvedOf('schedule: { epochs: 40, warmup_epochs: 4 }');
const kindsOf = (lossAt: (step: number) => number, config = maskalign, steps?: number): string[] => lossWarnings(storeOf(lossAt, steps), config).map(({ kind }) => kind);

/** E[2·SmoothL1(e)], e from N(0, 1), by the midpoint rule. */
function expectedLossOfNothing(): number {
  let sum = 0;
  for (let e = -8; e < 8; e += 1e-3) {
    const middle = e + 5e-4;
    sum += (Math.abs(middle) < 1 ? middle ** 2 : 2 * Math.abs(middle) - 1) * Math.exp(-(middle ** 2) / 2) * 1e-3;
  }
  return sum / Math.sqrt(2 * Math.PI);
}

it('a loss that stays at what predicting nothing gives is told of, once the warm-up is over', () => {
  const nothing = expectedLossOfNothing();
  expect(nothing).toBeCloseTo(0.8493, 4);
  expect(kindsOf(() => nothing)).toEqual(['stuck']);
  expect(kindsOf((step) => nothing + 0.01 * Math.sin(step))).toEqual(['stuck']);
  expect(kindsOf((step) => nothing - step / 4000)).toEqual([]);
  const long = resolvedOf('schedule: { epochs: 400, warmup_epochs: 60 }');
  expect(kindsOf(() => nothing, long)).toEqual([]);
});

it('no other loss has that baseline', () => {
  for (const line of ['alignment: { loss: l2 }', 'alignment: { target_norm: none }', 'method: simmim']) {
    const config = resolvedOf(line, ...(line.startsWith('method') ? ['teacher: absent'] : []));
    expect(kindsOf(() => 0.8493, config), line).toEqual([]);
  }
});

it('a loss far above its lowest diverges, and one that is no number is broken', () => {
  expect(kindsOf((step) => (step < 200 ? 0.5 : 1.2))).toEqual(['diverges']);
  expect(kindsOf((step) => (step === 7 ? NaN : 0.5))).toEqual(['broken']);
  expect(kindsOf((step) => 1 / step)).toEqual([]);
  expect(kindsOf((step) => (step < 100 ? 0.5 : 1.2), maskalign, 150)).toEqual([]);
});

it('features that hardly differ between images collapse, by deviation or by rank, but not before the first step', () => {
  const spread = { step: 10, of: 'The features of knn', width: 100 };
  expect(collapseWarning({ ...spread, collapseStd: 0.0005, rankMe: 40 })?.text).toBe('The features of knn collapse at step 10: their deviation between images is 0.0005, near 0.1 is healthy.');
  expect(collapseWarning({ ...spread, collapseStd: 0.05, rankMe: 1.02 })?.text).toBe('The features of knn collapse at step 10: they use 1.02 of 100 directions (RankMe).');
  expect(collapseWarning({ ...spread, collapseStd: 0.01, rankMe: 5 })).toBeUndefined();
  expect(collapseWarning(spread)).toBeUndefined();
  expect(collapseWarning({ ...spread, step: 0, collapseStd: 0 })).toBeUndefined();
});

it('of diagnostics the last level of the student counts', () => {
  const level = (collapseStd: number): LevelDiagnostics => ({ attentionDistance: [], attentionEntropy: [], attentionNmi: [], tokenUniformity: 0, fourierLogAmplitude: 0, rankMe: 9, collapseStd });
  const found: Diagnostics = { step: 3, images: 8, grid: 4, encoders: [{ subject: 'random', levels: [level(1)] }, { subject: 'student', levels: [level(0.2), level(0.1)] }] };
  expect(diagnosedSpread(found, 64)).toMatchObject({ step: 3, width: 64, collapseStd: 0.1, rankMe: 9 });
  expect(diagnosedSpread({ ...found, encoders: [] }, 64)).toBeUndefined();
});
