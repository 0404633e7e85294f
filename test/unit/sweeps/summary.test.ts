import { writeFile } from 'node:fs/promises';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { expandSweep } from '../../../extension/core/config/sweep';
import type { LibraryRun } from '../../../extension/core/library/library-run';
import type { CellState } from '../../../extension/core/sweeps/status';
import { summarise, type CellResult } from '../../../extension/core/sweeps/summary';
import { summaryFigure } from '../../../extension/core/sweeps/summary-figure';
import { summaryMarkdown } from '../../../extension/core/sweeps/summary-markdown';
import { experimentText } from '../config/experiment-of';

interface Outcome {
  readonly state?: CellState;
  readonly linear?: number;
  readonly knn?: number;
}

/** Cells of a sweep with what came of each, in their order. */
function resultsOf(section: string, outcomes: readonly Outcome[]): CellResult[] {
  const { cells } = expandSweep(experimentText(`sweep: ${section}`), '/lab/study.mim.yaml').sweep!;
  return cells.map((cell, index): CellResult => {
    const { state = 'finished', linear, knn } = outcomes[index] ?? { state: 'missing' };
    if (state === 'missing') return { cell, state };
    const probe = (protocol: string, top1: number | undefined) => (top1 === undefined ? [] : [{ protocol, step: 100, subject: 'student', features: 'cls', top1 }]);
    const baselines = [{ protocol: 'linear', step: 0, subject: 'teacher', features: 'cls', top1: 0.6 }, { protocol: 'linear', step: 0, subject: 'random', features: 'cls', top1: 0.21 }];
    const run: LibraryRun = {
      key: `/lab/runs/${cell.name}`, id: cell.name, name: cell.name, origin: 'mim', state: state === 'dropped' ? 'stopped' : state, config: cell.resolved, marks: { starred: false, tags: [] }, checkpoints: [],
      evaluations: [...probe('linear', linear), ...probe('knn', knn), ...(linear === undefined ? [] : baselines)],
    };
    return { cell, state, run, trainingSeconds: 90 + index };
  });
}

const study = resultsOf('{ grid: { masking.strategy: [attentive, random], masking.ratio: [0.25, 0.5, 0.75] }, seeds: 2 }', [
  { linear: 0.5, knn: 0.4 }, { linear: 0.52, knn: 0.41 },
  { linear: 0.55, knn: 0.46 }, { linear: 0.56, knn: 0.44 },
  { linear: 0.51 }, { state: 'failed', linear: 0.3 },
  { linear: 0.45 }, { linear: 0.48 },
  { state: 'dropped', knn: 0.3 }, { state: 'dropped', knn: 0.28 },
]);

describe('the summary of a sweep', () => {
  it('is a table of means with half their intervals, baselines, and what is not there', () => {
    expect(summaryMarkdown(summarise('study', study))).toBe(`# study

Top-1 in per cent, mean over seeds ± half of its 95 % interval (Student’s t); training time is the mean of a run, without evaluations.

| masking.strategy | masking.ratio | linear | knn | seeds | GMAC/image | training time |
| --- | --- | ---: | ---: | ---: | ---: | ---: |
| attentive | 0.25 | 51.00 ± 12.71 | 40.50 ± 6.35 | 2 | 1.249 | 1:31 |
| attentive | 0.5 | 55.50 ± 6.35 | 45.00 ± 12.71 | 2 | 0.954 | 1:33 |
| attentive | 0.75 | 51.00 | – | 1 of 2 (1 failed) | 0.6656 | 1:34 |
| random | 0.25 | 46.50 ± 19.06 | – | 2 | 1.249 | 1:37 |
| random | 0.5 | – | – | 0 of 2 (2 dropped) | 0.954 | – |
| random | 0.75 | – | – | 0 of 2 (2 missing) | 0.6656 | – |
| *teacher* |  | 60.00 | – |  |  |  |
| *random-initialised student* |  | 21.00 | – |  |  |  |
`);
  });

  it('has a figure with a mark for all that the table has', async () => {
    const figure = summaryFigure(summarise('study', study));
    const { width, height } = await sharp(Buffer.from(figure)).metadata();
    expect([width, height]).toEqual([860, 484]);
    for (const words of ['>study<', 'linear, top-1 in %', '>masking.ratio<', '>teacher 60.0<', '>random 21.0<', '>failed<', '>left behind<', '>not done<']) expect(figure).toContain(words);
    expect(figure.match(/r="4.5" fill="#0072B2"/g)).toHaveLength(4);
    if (process.env['SHOW_FIGURES']) await writeFile(`${process.env['SHOW_FIGURES']}/study.png`, await sharp(Buffer.from(figure), { density: 144 }).png().toBuffer());
  });

  it('places values of many sizes by their logarithm, and configurations without numbers side by side', async () => {
    const rates = resultsOf('{ random: { count: 8, keys: { optimizer.blr: { log_uniform: [1e-5, 1e-2] } } } }', Array.from({ length: 8 }, (_, i) => ({ linear: 0.3 + i / 50 })));
    const names = resultsOf('{ grid: { masking.strategy: [attentive, random] }, seeds: 2 }', [{ linear: 0.4 }, { linear: 0.42 }, { linear: 0.35 }]);
    for (const [name, results] of Object.entries({ rates, names })) {
      const figure = summaryFigure(summarise('a <b> & c', results));
      expect(figure).toContain('a &lt;b&gt; &amp; c');
      if (process.env['SHOW_FIGURES']) await writeFile(`${process.env['SHOW_FIGURES']}/${name}.png`, await sharp(Buffer.from(figure), { density: 144 }).png().toBuffer());
    }
  });

  it('names recipes of a list by what each was given, and does not draw them along epochs that go with the method', async () => {
    const recipes = resultsOf('{ list: [{ method: maskalign, alignment.fusion: simple, schedule.epochs: 8 }, { method: maskalign, alignment.fusion: linear, schedule.epochs: 7 }, { method: milan, masking.strategy: attentive, schedule.epochs: 5 }, { method: feature_distillation, schedule.epochs: 4 }] }', [{ linear: 0.4 }, { linear: 0.5 }, { linear: 0.45 }, { linear: 0.3 }]);
    const summary = summarise('recipes', recipes);
    const figure = summaryFigure(summary);
    for (const words of ['>maskalign simple<', '>maskalign linear<', '>milan attentive<', '>feature_distillation<']) expect(figure).toContain(words);
    expect(summaryMarkdown(summary)).toContain('| milan |  | 5 | attentive | 45.00 |');
    if (process.env['SHOW_FIGURES']) await writeFile(`${process.env['SHOW_FIGURES']}/recipes.png`, await sharp(Buffer.from(figure), { density: 144 }).png().toBuffer());
  });

  it('can be made before anything is there', () => {
    const summary = summarise('study', resultsOf('{ grid: { masking.ratio: [0.5, 0.7] } }', []));
    expect(summary.rows.map(({ values, open }) => [values, open])).toEqual([[[0.5], { missing: 1 }], [[0.7], { missing: 1 }]]);
    expect(summaryFigure(summary)).toContain('no probe yet');
  });
});
