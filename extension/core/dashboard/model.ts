/** What the dashboard shows, made from the library's runs and the panel's navigation state. */
import { firstLossLevel } from '../config/levels';
import { ExternalSource } from '../library/external/external-source';
import path from 'node:path';
import type { LibraryRun } from '../library/library-run';
import type { RunLibrary } from '../library/library';
import type { DashboardState, RunKey, RunRow, ViewData } from '../protocol/dashboard';
import { MetricsTail } from '../series/metrics-tail';
import type { RecordSource } from '../series/record-source';
import { SeriesCache } from '../series/series-cache';
import { alignmentData } from './alignment';
import { compareData } from './compare';
import { CurvesView } from './curves';
import { DiagnosedRuns } from './diagnosed-runs';
import { diagnosticsData } from './diagnostics';
import { probeData } from './probe';
import { runRows } from './rows';
import { samplesData } from './samples';
import { gmacPerStep, type SelectedRun } from './selected-run';
import { sweepData } from './sweep';

export interface DashboardModel {
  /** Every run of the library. */
  rows(): RunRow[];
  /**
   * A complete snapshot of the state's view, within a moment: of long files a sample at first, and `onChange` tells when
   * more is known. The runs it selects are followed from now on.
   */
  view(state: DashboardState): Promise<ViewData>;
  /** Told when the last `view` would now differ because of new records; the library tells of all else itself. */
  onChange(listener: () => void): () => void;
  /** Follows no files until the next `view`: for a panel that is hidden. */
  rest(): void;
  dispose(): void;
}

export interface DashboardModelOptions {
  readonly library: RunLibrary;
  /** How often growing metrics are looked at, in ms. */
  readonly pollMs?: number;
  /** The metrics of a run; default: its metrics.jsonl, or the file of another tool. */
  readonly openSource?: (run: LibraryRun) => RecordSource;
}

export function createDashboardModel({ library, pollMs = 500, openSource = openMetrics }: DashboardModelOptions): DashboardModel {
  const listeners = new Set<() => void>();
  const cache = new SeriesCache(() => listeners.forEach((listener) => listener()), pollMs);
  const costs = new Map<RunKey, number | undefined>();
  const curves = new CurvesView();
  const diagnosed = new DiagnosedRuns();

  const costOf = async (run: LibraryRun): Promise<number | undefined> => {
    if (!costs.has(run.key)) costs.set(run.key, await gmacPerStep(run));
    return costs.get(run.key);
  };
  const withSeries = async (runs: readonly LibraryRun[]): Promise<SelectedRun[]> => {
    const series = await cache.select(runs.map((run) => ({ key: run.key, isLive: isLive(run), firstLevel: firstLossLevel(run.config), open: () => openSource(run) })));
    return Promise.all(runs.map(async (run) => ({ run, series: series.get(run.key)!, gmacPerStep: await costOf(run), diagnosed: await diagnosed.last(run) })));
  };

  return {
    rows: () => runRows(library.runs),
    view: async (state) => {
      const selected = [...new Set(state.selected)].flatMap((key) => library.get(key) ?? []);
      switch (state.view) {
        case 'curves':
          return curves.make(await withSeries(selected), state.curves);
        case 'sweep':
          cache.rest();
          return sweepData(selected, library.runs, state.sweep);
        case 'alignment':
          cache.rest();
          return alignmentData(selected, state.alignment);
        case 'probe':
          cache.rest();
          return probeData(selected, state.probe, costOf);
        case 'diagnostics':
          cache.rest();
          return diagnosticsData(selected, state.diagnostics, diagnosed);
        case 'samples':
          cache.rest();
          return samplesData(selected, state.samples);
        case 'compare':
          return compareData(await withSeries(selected), state.compare, state.curves.smoothing, state.baseline);
      }
    },
    onChange: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    rest: () => cache.rest(),
    dispose: () => {
      cache.rest();
      listeners.clear();
    },
  };
}

/** Nothing tells whether another tool still writes. */
function isLive({ origin, state }: LibraryRun): boolean {
  return origin !== 'mim' || state === 'running' || state === 'paused';
}

function openMetrics(run: LibraryRun): RecordSource {
  return run.origin === 'mim' ? new MetricsTail(path.join(run.key, 'metrics.jsonl')) : new ExternalSource(run.key, run.origin);
}
