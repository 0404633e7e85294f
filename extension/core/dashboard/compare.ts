/** The runs table: chosen columns, filtered and sorted, with the baseline on top; and how the configs differ. */
import type { CompareColumn, CompareData, DashboardState, RunKey, Scalar } from '../protocol/dashboard';
import { availableColumns, cellOf, configDifferences, defaultColumns } from './compare-columns';
import { seedNoise } from './noise';
import { runFilter } from './run-filter';
import type { SelectedRun } from './selected-run';

/** Of the summary `smoothed`, where the curves are not smoothed. */
const DEFAULT_SMOOTHING = 0.9;

export function compareData(runs: readonly SelectedRun[], options: DashboardState['compare'], smoothing: number, baseline: RunKey | undefined): CompareData {
  const available = availableColumns(runs);
  const valueOf = (column: CompareColumn, run: SelectedRun): Scalar => cellOf(column, run, options.summary, smoothing || DEFAULT_SMOOTHING);
  const chosen = options.columns.flatMap((name) => available.find((column) => column.name === name) ?? []);
  const columns = chosen.length > 0 ? chosen : defaultColumns(available, runs);

  const filter = runFilter(options.filter, available, valueOf);
  const passing = runs.map((run) => filter.keeps(run));
  // A filter that is found not to work hides nothing.
  const filtered = runs.filter((run, i) => filter.problem !== undefined || passing[i] || run.run.key === baseline);
  const rows = pinned(sorted(filtered, options, available, valueOf), baseline);
  const shown = options.onlyDifferences ? columns.filter((column) => column.name === 'name' || differs(rows.map((run) => valueOf(column, run)))) : columns;
  return {
    view: 'compare',
    available,
    columns: shown,
    rows: rows.map((run) => ({ run: run.run.key, cells: shown.map((column) => valueOf(column, run)) })),
    ...(filter.problem !== undefined && { filterProblem: filter.problem }),
    differences: configDifferences(rows),
    noise: seedNoise(rows, baseline, options.summary),
  };
}

function sorted(rows: readonly SelectedRun[], { sort }: DashboardState['compare'], available: readonly CompareColumn[], valueOf: (column: CompareColumn, run: SelectedRun) => Scalar): SelectedRun[] {
  const column = available.find(({ name }) => name === sort?.column);
  if (!sort || !column) return [...rows];
  const keyed = rows.map((run) => ({ run, value: valueOf(column, run) }));
  return keyed.sort((a, b) => compareCells(a.value, b.value, sort.descending)).map(({ run }) => run);
}

/** Empty cells come last either way. */
function compareCells(a: Scalar, b: Scalar, descending: boolean): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null);
  const order = typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b), undefined, { numeric: true });
  return descending ? -order : order;
}

function pinned(rows: readonly SelectedRun[], baseline: RunKey | undefined): SelectedRun[] {
  return rows.toSorted((a, b) => Number(b.run.key === baseline) - Number(a.run.key === baseline));
}

function differs(values: readonly Scalar[]): boolean {
  return new Set(values).size > 1;
}
