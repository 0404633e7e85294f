/** Where the user is when nothing is known yet, and how a part of a state changes another. */
import type { DashboardState, RunRow } from '../../extension/core/protocol/dashboard';

export const INITIAL: DashboardState = {
  view: 'curves',
  selected: [],
  curves: { metrics: [], x: 'step', smoothing: 0.686, logX: false, logY: false, heatMap: false },
  sweep: { keys: [] },
  alignment: {},
  probe: {},
  diagnostics: {},
  samples: {},
  compare: { columns: [], filter: '', onlyDifferences: false, summary: 'best' },
};

/** A panel opened without a choice shows what runs, or else what was started last. */
const FIRST_RUNS = 3;

export function firstSelection(runs: readonly RunRow[]): string[] {
  const isLive = ({ state }: RunRow) => state === 'running' || state === 'paused';
  const newest = [...runs].sort((a, b) => Number(isLive(b)) - Number(isLive(a)) || (b.startedAt ?? '').localeCompare(a.startedAt ?? ''));
  return newest.slice(0, FIRST_RUNS).map(({ key }) => key);
}

/** What an older or newer version of the panel kept may lack parts: they come from `base`. */
export function withState(base: DashboardState, part: Partial<DashboardState>): DashboardState {
  return {
    ...base,
    ...part,
    curves: { ...base.curves, ...part.curves },
    sweep: { ...base.sweep, ...part.sweep },
    alignment: { ...base.alignment, ...part.alignment },
    probe: { ...base.probe, ...part.probe },
    diagnostics: { ...base.diagnostics, ...part.diagnostics },
    samples: { ...base.samples, ...part.samples },
    compare: { ...base.compare, ...part.compare },
  };
}
