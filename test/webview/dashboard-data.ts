/** Snapshots as a host would send them. */
import type { AlignmentData, CompareData, CurvesData, DiagnosticsData, ProbeData, RunRow, SamplesData, Series, SweepData } from '../../extension/core/protocol/dashboard';

const row = (name: string, color: number, more: Partial<RunRow> = {}): RunRow => ({ key: `/w/runs/${name}`, name, state: 'finished', method: 'maskalign', step: 2000, totalSteps: 2000, progress: 1, loss: 0.31, bestProbe: 0.42, starred: false, tags: [], color, startedAt: `2026-01-0${color + 1}T10:00:00Z`, ...more });

export const runs: RunRow[] = [
  row('r0.9-s0', 3, { sweep: 'ratio', state: 'running', progress: 0.42, step: 840 }),
  row('r0.7-s1', 2, { sweep: 'ratio' }),
  row('r0.7-s0', 1, { sweep: 'ratio', starred: true }),
  row('baseline', 0, { tags: ['paper'], bestProbe: 0.38 }),
  row('broken', 4, { state: 'failed', loss: undefined, bestProbe: undefined, progress: 0.1, step: 200 }),
];

export const [live, seed1, seed0, base, broken] = runs.map(({ key }) => key) as [string, string, string, string, string];

const steps = Array.from({ length: 101 }, (_, i) => i * 20);
const line = (run: string, metric: string, at: (step: number) => number): Series => ({ run, metric, x: Float64Array.from(steps), y: Float64Array.from(steps, at) });

/** Loss of the n-th run falls from 1 towards 0.2 + 0.1 n. */
const falling = (n: number) => (step: number) => 0.2 + 0.1 * n + 0.8 * Math.exp(-step / 500);

export function curves(selected: readonly string[], heatMap = false): CurvesData {
  const levels = [8, 9, 10, 11, 12];
  return {
    view: 'curves',
    metrics: [
      { name: 'loss', label: 'Loss', group: 'loss' }, ...levels.map((level) => ({ name: `level_${level}`, label: `Loss of level ${level}`, group: 'levels' as const })),
      { name: 'lr', label: 'Learning rate', group: 'optimizer' }, { name: 'grad_norm', label: 'Gradient norm', group: 'optimizer' }, { name: 'images_per_second', label: 'Images per second', group: 'speed' },
    ],
    series: selected.flatMap((run, n) => {
      const loss = line(run, 'loss', falling(n));
      return [
        { ...loss, low: loss.y.map((y) => y - 0.05), high: loss.y.map((y) => y + 0.05) },
        ...(heatMap ? [] : levels.map((level) => line(run, `level_${level}`, (step) => falling(n)(step) + 0.03 * level))),
        line(run, 'lr', (step) => 1e-3 * Math.cos((step / 2000) * 1.5)), line(run, 'grad_norm', (step) => 1 + n + Math.sin(step / 90)), line(run, 'images_per_second', (step) => 900 + 40 * n + 10 * Math.sin(step / 50)),
      ];
    }),
    heatMaps: heatMap ? selected.map((run, n) => ({ run, matrix: { rows: levels.map(String), columns: steps.map(String), values: levels.map((level) => steps.map((step) => falling(n)(step) + 0.03 * level)) } })) : [],
    warnings: [{ run: selected[0]!, text: 'the loss falls while the probe does not rise.' }],
  };
}

export function compare(): CompareData {
  const columns: CompareData['columns'] = [{ name: 'name', label: 'Run', kind: 'run' }, { name: 'probe:linear', label: 'Probe linear', kind: 'probe' }, { name: 'config:masking.ratio', label: 'masking.ratio', kind: 'config' }];
  return {
    view: 'compare', available: columns, columns, rows: [{ run: base, cells: ['baseline', 0.38, 0.6] }, { run: seed0, cells: ['r0.7-s0', 0.42, 0.75] }],
    differences: [{ key: 'masking.ratio', values: [0.6, 0.75] }],
  };
}

/** Two ratios with two seeds each, one still running, one failed, and one that no run trains. */
export function sweep(): SweepData {
  return {
    view: 'sweep', sweepable: ['masking.ratio', 'method.levels'], keys: ['masking.ratio', 'method.levels'], protocols: ['linear', 'knn'], protocol: 'linear',
    cells: [
      { values: [0.6, 1], runs: [{ key: base, seed: 0, state: 'finished', accuracy: 0.38 }, { key: seed1, seed: 1, state: 'finished', accuracy: 0.41 }], mean: 0.395, interval: [0.36, 0.43], state: 'done' },
      { values: [0.7, 1], runs: [{ key: seed0, seed: 0, state: 'finished', accuracy: 0.46 }], mean: 0.46, state: 'done', missingSeeds: [1] },
      { values: [0.7, 5], runs: [{ key: live, seed: 0, state: 'running', accuracy: 0.44 }], mean: 0.44, state: 'running' },
      { values: [0.8, 5], runs: [{ key: broken, seed: 0, state: 'failed' }], state: 'failed' },
    ],
    baselines: [{ name: 'teacher', accuracy: 0.62 }, { name: 'random', accuracy: 0.21 }],
  };
}

/** Four teacher levels, five student levels, at three steps. */
export function alignment(run: string, step: number): AlignmentData {
  const levels = [1, 2, 3, 4];
  const values = levels.map((level) => [1, 2, 3, 4, 5].map((column) => (column - level) * 0.1 + step / 1e4));
  return {
    view: 'alignment', run, steps: [0, 100, 200], step, matrix: { rows: levels.map(String), columns: ['1', '2', '3', '4', '5'], values },
    entropy: levels.map((level) => [1.6, 1.6 - 0.1 * level, 1.6 - 0.2 * level]), centre: levels.map((level) => [3, 3 + 0.1 * level, 3 + 0.3 * level]),
  };
}

export function probes(): ProbeData {
  const point = (run: string, step: number, top1: number, more: Partial<ProbeData['points'][number]> = {}): ProbeData['points'][number] => ({ run, protocol: 'linear', subject: 'student', features: 'mean', step, gmac: (run === base ? 3 : 1.2) * step, top1, ...more });
  return {
    view: 'probe', protocols: ['linear', 'knn'],
    points: [
      point(base, 1000, 0.31), point(base, 2000, 0.38), point(seed0, 1000, 0.4), point(seed0, 2000, 0.46), point(base, 0, 0.62, { subject: 'teacher' }), point(base, 0, 0.2, { subject: 'random' }),
      ...[1, 2, 3].map((layer) => point(seed0, 2000, 0.3 + 0.02 * layer, { protocol: 'knn', layer })),
    ],
  };
}

/** Attention distance of two runs with one teacher, over levels or, with a level, over steps. */
export function diagnostics(step: number, level?: number): DiagnosticsData {
  const x = level === undefined ? [1, 2, 3] : [0, 100, 200];
  const line = (run: string, subject: DiagnosticsData['lines'][number]['subject'], at: number): DiagnosticsData['lines'][number] => ({ run, subject, ...(level === undefined && { step }), x, y: x.map((_, i) => at + 0.3 * i) });
  return {
    view: 'diagnostics', measures: [{ name: 'attentionDistance', label: 'Attention distance (patches)' }, { name: 'cka', label: 'CKA with the teacher’s same level' }], measure: 'attentionDistance',
    steps: [0, 100, 200], step, levels: 3, ...(level !== undefined && { level }),
    lines: [base, seed0].flatMap((run, n) => [line(run, 'student', 2 + n), line(run, 'teacher', 4), line(run, 'random', 1)]),
    cka: { run: base, step, matrix: { rows: ['1', '2', '3'], columns: ['1', '2', '3'], values: [[0.9, 0.4, 0.1], [0.4, 0.8, 0.3], [0.2, 0.3, 0.7]] } },
    lossByRatio: ['random', 'attentive'].map((strategy, n) => ({ run: base, step: 200, strategy, x: [0, 0.5, 0.9], y: [0.3, 0.35 + 0.02 * n, 0.5 + 0.05 * n] })),
  };
}

/** A grey pixel: what matters is which picture stands where. */
const PIXEL = 'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==';

export function samples(step: number): SamplesData {
  return { view: 'samples', kinds: ['masks'], steps: [0, 100, 200], step, pictures: [base, seed0].map((run) => ({ run, kind: 'masks', step, uri: PIXEL })) };
}
