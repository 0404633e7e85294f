/** Metrics over training: a chart a metric with a line a run, and a chart a run with a line (or a row) a level. */
import type { CurvesData, RunKey, Series, ViewData } from '../../../extension/core/protocol/dashboard';
import { SharedCursor } from '../../charts/cursor';
import { heatMapChart, type HeatMapOptions } from '../../charts/heat-map';
import { linesChart, type Line, type LinesOptions } from '../../charts/lines';
import { formatNumber, formatSeconds } from '../../charts/numbers';
import { ChartSlot } from '../../charts/slot';
import { h } from '../../dom';
import { toCsv } from '../export';
import type { Dashboard, View } from '../view';
import { CurveTools, X_LABELS } from './curve-tools';
import { Readout } from './readout';
import { SlotGrid } from './slot-grid';

/** Lists of metrics that have a chart a run. */
const BY_RUN = [
  { prefix: 'level_', what: 'Loss per level', says: 'Alignment loss' },
  { prefix: 'block_grad_norm_', what: 'Gradient norm per block', says: 'Gradient norm' },
  { prefix: 'block_update_ratio_', what: 'Update ratio per block', says: 'Update ratio' },
] as const;

export function curvesView(container: HTMLElement, dashboard: Dashboard): View {
  return new Curves(container, dashboard);
}

class Curves implements View {
  private readonly cursor = new SharedCursor();
  private readonly tools;
  private readonly note = h('p', { class: 'note', role: 'status' });
  private readonly warnings = h('ul', { class: 'warnings', 'aria-label': 'Warnings', hidden: true });
  private readonly charts = new SlotGrid();
  private readonly readout;
  private data: CurvesData | undefined;
  private drawn: readonly unknown[] = [];

  constructor(container: HTMLElement, private readonly dashboard: Dashboard) {
    this.tools = new CurveTools(dashboard, () => this.saveCsv());
    this.readout = new Readout(this.cursor, (run) => this.open(run));
    this.readout.element.hidden = true;
    container.append(this.tools.element, this.note, this.warnings, this.charts.element, this.readout.element);
  }

  render(data: ViewData | undefined): void {
    if (data?.view === 'curves') this.data = data;
    this.tools.render(this.data);
    const { selected, curves } = this.dashboard.state;
    const runs = selected.map((key) => this.dashboard.run(key));
    this.note.textContent = noteOn(runs.length, this.data);
    // Lists of runs come every second; charts change only with what they show.
    const drawn = [this.data, curves, JSON.stringify(runs.map(({ key, name, color }) => [key, name, color]))];
    if (!this.data || drawn.every((part, i) => part === this.drawn[i])) return;
    this.drawn = drawn;
    this.drawWarnings(this.data);
    this.drawCharts(this.data);
    const metrics = this.data.metrics.filter(({ name }) => this.data!.series.some(({ metric }) => metric === name));
    this.readout.element.hidden = this.data.series.length === 0;
    this.readout.render({ runs, metrics, series: this.data.series, where: (x) => `${X_LABELS[curves.x].toLowerCase()} ${this.formatX(x)}` });
  }

  destroy(): void {
    this.charts.destroy();
    this.readout.destroy();
  }

  private drawWarnings({ warnings }: CurvesData): void {
    this.warnings.hidden = warnings.length === 0;
    this.warnings.replaceChildren(...warnings.map(({ run, text }) => h('li', {}, `${this.dashboard.run(run).name}: ${text}`)));
  }

  private drawCharts({ metrics, series, heatMaps }: CurvesData): void {
    const groupOf = new Map(metrics.map(({ name, group }) => [name, group]));
    const labelOf = new Map(metrics.map(({ name, label }) => [name, label]));
    this.charts.start();
    for (const { name, label, group } of metrics) {
      const lines = series.filter(({ metric }) => metric === name);
      if (group === 'levels' || group === 'blocks' || lines.length === 0) continue;
      this.lines(`metric ${name}`, lines.map((line) => this.runLine(line)), label, `${label} of ${lines.length} ${lines.length === 1 ? 'run' : 'runs'}`);
    }
    for (const { what, prefix, says } of BY_RUN) {
      const all = series.filter(({ metric }) => (groupOf.get(metric) === 'levels' || groupOf.get(metric) === 'blocks') && metric.startsWith(prefix));
      for (const run of new Set(all.map((line) => line.run))) {
        const lines = all.filter((line) => line.run === run).map((line) => levelLine(line, labelOf.get(line.metric) ?? line.metric));
        const { name } = this.dashboard.run(run);
        this.lines(`${prefix} ${run}`, lines, `${what}: ${name}`, `${says} of ${lines.length} ${prefix === 'level_' ? 'levels' : 'parts'} of ${name}`, true);
      }
    }
    for (const map of heatMaps) this.heatMap(map, heatMaps);
    this.charts.end();
  }

  /** Colours mean the same in all maps of a kind. */
  private heatMap({ run, of, matrix }: CurvesData['heatMaps'][number], all: CurvesData['heatMaps']): void {
    const { name } = this.dashboard.run(run);
    const { what, says } = BY_RUN.find(({ prefix }) => prefix === `${of ?? 'level'}_`)!;
    const options: HeatMapOptions = {
      title: `${what}: ${name}`, label: `${says} of ${matrix.rows.length} ${of ? 'parts' : 'student levels'} of ${name} over training. The arrow keys walk over cells.`,
      xLabel: X_LABELS[this.dashboard.state.curves.x].toLowerCase(), yLabel: of ? 'block' : 'level', domain: extentOf(all.filter((map) => map.of === of).flatMap((map) => map.matrix.values.flat())),
      onPick: () => this.open(run), onPng: (title, content) => this.savePng(title, content),
    };
    this.charts.place(`heat ${of ?? 'level'} ${run}`, () => new ChartSlot(heatMapChart)).update(matrix, options);
  }

  private lines(id: string, lines: readonly Line[], title: string, label: string, legend = false): void {
    const { logX, logY, range, x } = this.dashboard.state.curves;
    const options: LinesOptions = {
      title, label: `${label}. Left and right move the cursor, up and down choose the curve, Enter opens its config, plus and minus zoom.`,
      xLabel: X_LABELS[x], wholeX: x === 'step', logX, logY, range, legend, cursor: this.cursor, formatX: (value) => this.formatX(value),
      onRange: (next) => this.dashboard.change({ curves: { ...this.dashboard.state.curves, range: next } }),
      onPick: (picked) => this.open(picked), onPng: (name, content) => this.savePng(name, content),
    };
    this.charts.place(id, () => new ChartSlot(linesChart)).update(lines, options);
  }

  private runLine(series: Series): Line {
    const { name, color } = this.dashboard.run(series.run);
    return { id: series.run, label: name, color, ...drawn(series) };
  }

  private formatX(x: number): string {
    return this.dashboard.state.curves.x === 'time' ? formatSeconds(x) : formatNumber(this.dashboard.state.curves.x === 'step' ? Math.round(x) : x);
  }

  private open(run: RunKey): void {
    this.dashboard.send({ type: 'open-config', run });
  }

  private savePng(name: string, content: string): void {
    this.dashboard.send({ type: 'export', format: 'png', name, content });
  }

  private saveCsv(): void {
    const { x } = this.dashboard.state.curves;
    const rows = (this.data?.series ?? []).flatMap((line) => Array.from(line.x, (at, i) => [this.dashboard.run(line.run).name, line.metric, at, Number.isNaN(line.y[i]) ? null : line.y[i]!]));
    this.dashboard.send({ type: 'export', format: 'csv', name: 'curves', content: toCsv([['run', 'metric', x, 'value'], ...rows]) });
  }
}

/** Levels and blocks are told apart as runs are, by their number; the embedding comes before the first, heads after any. */
function levelLine(series: Series, label: string): Line {
  const color = series.metric.endsWith('_heads') ? AFTER_BLOCKS : Number(/\d+$/.exec(series.metric)?.[0] ?? 0);
  return { id: series.run, label: label.replace(/^(Loss|Gradient norm|Update ratio) of /, ''), color, ...drawn(series) };
}

/** A mark that few blocks come to. */
const AFTER_BLOCKS = 279;

function drawn({ x, y, low, high }: Series): Pick<Line, 'x' | 'y' | 'low' | 'high'> {
  return { x: [...x], y: [...y], ...(low && high && { low: [...low], high: [...high] }) };
}

/** Undefined where there is no number: the chart's own extent then. */
function extentOf(values: readonly (number | null)[]): readonly [number, number] | undefined {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) if (value !== null) [low, high] = [Math.min(low, value), Math.max(high, value)];
  return low <= high ? [low, high] : undefined;
}

function noteOn(runs: number, data: CurvesData | undefined): string {
  if (runs === 0) return 'Select runs in the list to see their curves.';
  if (!data) return 'Reading metrics…';
  return data.series.length + data.heatMaps.length === 0 ? 'The selected runs have no metrics yet.' : '';
}
