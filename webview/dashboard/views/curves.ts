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
    const levels = series.filter(({ metric }) => groupOf.get(metric) === 'levels');
    const labelOf = new Map(metrics.map(({ name, label }) => [name, label]));
    this.charts.start();
    for (const { name, label, group } of metrics) {
      const lines = series.filter(({ metric }) => metric === name);
      if (group === 'levels' || lines.length === 0) continue;
      this.lines(`metric ${name}`, lines.map((line) => this.runLine(line)), label, `${label} of ${lines.length} ${lines.length === 1 ? 'run' : 'runs'}`);
    }
    for (const run of new Set(levels.map((line) => line.run))) {
      const lines = levels.filter((line) => line.run === run).map((line) => levelLine(line, labelOf.get(line.metric) ?? line.metric));
      const { name } = this.dashboard.run(run);
      this.lines(`levels ${run}`, lines, `Loss per level: ${name}`, `Alignment loss of ${lines.length} levels of ${name}`, true);
    }
    const domain = extentOf(heatMaps.flatMap(({ matrix }) => matrix.values.flat()));
    for (const { run, matrix } of heatMaps) {
      const { name } = this.dashboard.run(run);
      const options: HeatMapOptions = {
        title: `Loss per level: ${name}`, label: `Alignment loss of ${matrix.rows.length} student levels of ${name} over training. The arrow keys walk over cells.`,
        xLabel: X_LABELS[this.dashboard.state.curves.x].toLowerCase(), yLabel: 'level', domain, onPick: () => this.open(run), onPng: (title, content) => this.savePng(title, content),
      };
      this.charts.place(`heat ${run}`, () => new ChartSlot(heatMapChart)).update(matrix, options);
    }
    this.charts.end();
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

/** Levels are told apart as runs are, by their number. */
function levelLine(series: Series, label: string): Line {
  return { id: series.run, label: label.replace(/^Loss of /, ''), color: Number(/\d+$/.exec(series.metric)?.[0] ?? 0), ...drawn(series) };
}

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
