/** The columns of the runs table, and the value of each for a run. */
import type { CompareColumn, CompareData, DashboardState, Scalar } from '../protocol/dashboard';
import { ABSENT } from '../series/column';
import { MovingAverage } from '../series/moving-average';
import type { SeriesStore } from '../series/series-store';
import { configValues, differingKeys } from './config-values';
import { defaultMetrics, isLevel, metricChoices } from './curve-metrics';
import { lastProbe, protocolsOf, topProbe } from './probe-results';
import type { SelectedRun } from './selected-run';

type Summary = DashboardState['compare']['summary'];

/** Metrics in which more is better; of all others, less is. */
const MORE_IS_BETTER = /accuracy|acc\d|top\d|images_per_second|^cosine_/;
/** Set or watched rather than sought: neither more nor less is better, so their last value stands for them. */
const NO_BEST = /(^|[_/])lr$|^(grad_norm|loss_scale|skipped_steps)$/;
/** Config columns shown where the user chose none. */
const DEFAULT_CONFIG_COLUMNS = 8;

const USUAL_ORDER: readonly CompareColumn['kind'][] = ['run', 'probe', 'config', 'metric'];

const RUN_COLUMNS: readonly { readonly name: string; readonly label: string; readonly of: (run: SelectedRun) => Scalar | undefined }[] = [
  { name: 'name', label: 'Run', of: ({ run }) => run.name },
  { name: 'state', label: 'State', of: ({ run }) => run.state },
  { name: 'sweep', label: 'Sweep', of: ({ run }) => run.sweep },
  { name: 'method', label: 'Method', of: ({ run }) => run.config?.method },
  { name: 'step', label: 'Step', of: ({ run, series }) => run.status?.step ?? series.store.steps[series.store.bins - 1] },
  { name: 'epoch', label: 'Epoch', of: ({ run, series }) => run.status?.epoch ?? series.store.epochs[series.store.bins - 1] },
  { name: 'gmac', label: 'GMAC spent', of: ({ run, gmacPerStep }) => (gmacPerStep === undefined || run.status === undefined ? undefined : run.status.step * gmacPerStep) },
  { name: 'started', label: 'Started', of: ({ run }) => run.status?.startedAt },
  { name: 'tags', label: 'Tags', of: ({ run }) => run.marks.tags.join(', ') },
];

export function availableColumns(runs: readonly SelectedRun[]): CompareColumn[] {
  const metrics = metricChoices(runs.flatMap(({ series }) => series.store.metrics));
  const keys = new Set(runs.flatMap(({ run }) => (run.config ? [...configValues(run.config).keys()] : [])));
  return [
    ...RUN_COLUMNS.map(({ name, label }): CompareColumn => ({ name, label, kind: 'run' })),
    ...metrics.map(({ name, label }): CompareColumn => ({ name, label, kind: 'metric' })),
    ...protocolsOf(runs.map(({ run }) => run)).map((name): CompareColumn => ({ name: `probe:${name}`, label: `Probe ${name}`, kind: 'probe' })),
    ...[...keys].map((name): CompareColumn => ({ name: `config:${name}`, label: name, kind: 'config' })),
  ];
}

/** Name and state, how good it is, the first config keys that differ, and what was measured along the way. */
export function defaultColumns(available: readonly CompareColumn[], runs: readonly SelectedRun[]): CompareColumn[] {
  const differing = new Set(differingKeys(runs.map(({ run }) => run.config)).slice(0, DEFAULT_CONFIG_COLUMNS).map((key) => `config:${key}`));
  const metrics = new Set(defaultMetrics(metricChoices(runs.flatMap(({ series }) => series.store.metrics))).filter((name) => !isLevel(name)));
  const isUsual = ({ name, kind }: CompareColumn) => ['name', 'state', 'step'].includes(name) || kind === 'probe' || (kind === 'metric' && metrics.has(name)) || differing.has(name);
  return available.filter(isUsual).toSorted((a, b) => USUAL_ORDER.indexOf(a.kind) - USUAL_ORDER.indexOf(b.kind));
}

/** Null where the run has no such thing. */
export function cellOf(column: CompareColumn, selected: SelectedRun, summary: Summary, smoothing: number): Scalar {
  const value = valueOf(column, selected, summary, smoothing);
  return value === undefined || (typeof value === 'number' && !Number.isFinite(value)) ? null : value;
}

function valueOf({ name, kind }: CompareColumn, selected: SelectedRun, summary: Summary, smoothing: number): Scalar | undefined {
  const { run, series } = selected;
  switch (kind) {
    case 'run':
      return RUN_COLUMNS.find((column) => column.name === name)?.of(selected);
    case 'config':
      return run.config && configValues(run.config).get(name.slice('config:'.length));
    case 'probe':
      return (summary === 'best' ? topProbe : lastProbe)(run, name.slice('probe:'.length))?.top1;
    case 'metric':
      return metricValue(series.store, name, summary, smoothing);
  }
}

function metricValue(store: SeriesStore, name: string, summary: Summary, smoothing: number): number | undefined {
  const column = store.column(name);
  if (column === undefined || summary === 'last' || (summary === 'best' && NO_BEST.test(name))) return column?.last;
  if (summary === 'best') return MORE_IS_BETTER.test(name) ? column.highest : column.lowest;
  const average = new MovingAverage(smoothing ** store.recordsPerBin);
  for (let bin = 0; bin < store.bins; bin++) if (column.mean[bin] !== ABSENT) average.add(column.mean[bin]!);
  return average.value;
}

/** What differs in the configs of the rows, in their order. */
export function configDifferences(rows: readonly SelectedRun[]): CompareData['differences'] {
  const configs = rows.map(({ run }) => run.config);
  return differingKeys(configs).map((key) => ({ key, values: configs.map((config) => (config && configValues(config).get(key)) ?? null) }));
}
