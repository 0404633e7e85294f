/** What the levels of the selected runs do: a line a run beside teacher and untrained student, CKA with the teacher, loss by mask ratio. */
import type { DashboardState, DiagnosticsData, RunKey, ViewData } from '../../../extension/core/protocol/dashboard';
import { SharedCursor } from '../../charts/cursor';
import { heatMapChart } from '../../charts/heat-map';
import { linesChart, type Line, type LinesOptions } from '../../charts/lines';
import { formatNumber } from '../../charts/numbers';
import { ChartSlot } from '../../charts/slot';
import { button, dropdown, slider } from '../../controls/controls';
import { h, setText } from '../../dom';
import { toCsv } from '../export';
import type { Dashboard, View } from '../view';
import { SlotGrid } from './slot-grid';

type DataLine = DiagnosticsData['lines'][number];

const ACROSS = [{ value: 'levels', label: 'levels, at a step' }, { value: 'steps', label: 'steps, at a level' }];
/** Marks that no run has, whose own end at 24. */
const REFERENCE_COLORS: Readonly<Record<Exclude<DataLine['subject'], 'student'>, number>> = { teacher: 31, random: 38 };
/** Between two marks of the same hue: there are eight. */
const SAME_HUE = 8;

export function diagnosticsView(container: HTMLElement, dashboard: Dashboard): View {
  return new DiagnosticsPage(container, dashboard);
}

class DiagnosticsPage implements View {
  private readonly levelCursor = new SharedCursor();
  private readonly stepCursor = new SharedCursor();
  private readonly ratioCursor = new SharedCursor();
  private readonly measure = dropdown('Measure', [], '', (measure) => this.change({ measure }));
  private readonly across = dropdown('Over', ACROSS, 'levels', (across) => this.change({ level: across === 'steps' ? Math.max(1, this.data?.levels ?? 1) : undefined }));
  private readonly step = slider('Step', { min: 0, max: 0, step: 1 }, 0, (place) => this.toPlace(place));
  private readonly level = slider('Level', { min: 1, max: 1, step: 1 }, 1, (level) => this.change({ level }));
  private readonly run = dropdown('CKA of', [], '', (run) => this.change({ run }));
  private readonly note = h('p', { class: 'note', role: 'status' });
  private readonly charts = new SlotGrid();
  private data: DiagnosticsData | undefined;
  private drawn = '';

  constructor(container: HTMLElement, private readonly dashboard: Dashboard) {
    const csv = button('CSV', () => this.saveCsv(), { label: 'Save the measure as CSV' });
    const controls = [this.measure, this.across, this.step, this.level, this.run, csv].map(({ element }) => element);
    container.append(h('div', { class: 'bar' }, ...controls), this.note, this.charts.element);
  }

  render(data: ViewData | undefined): void {
    if (data?.view === 'diagnostics') this.data = data;
    const { selected } = this.dashboard.state;
    setText(this.note, noteOn(selected.length, this.data));
    if (!this.data) return;
    const { measures, measure, steps, step, levels, level, cka } = this.data;
    this.measure.setChoices(measures.map(({ name, label }) => ({ value: name, label })), measure ?? '');
    this.across.set(level === undefined ? 'levels' : 'steps');
    this.step.setRange({ min: 0, max: Math.max(0, steps.length - 1), step: 1, format: (place) => formatNumber(steps[place]) }, Math.max(0, steps.findLastIndex((one) => one <= (step ?? Infinity))));
    this.level.setRange({ min: 1, max: Math.max(1, levels), step: 1 }, level ?? 1);
    this.level.element.hidden = level === undefined;
    this.run.setChoices(selected.map((key) => ({ value: key, label: this.dashboard.run(key).name })), cka?.run ?? '');
    this.run.element.hidden = cka === undefined;
    const drawn = JSON.stringify([this.data, selected.map((key) => this.dashboard.run(key)).map(({ name, color }) => [name, color])]);
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    this.draw(this.data);
  }

  destroy(): void {
    this.charts.destroy();
  }

  private draw({ measures, measure, step, level, lines, cka, lossByRatio }: DiagnosticsData): void {
    const label = measures.find(({ name }) => name === measure)?.label ?? '';
    this.charts.start();
    if (lines.length > 0 && level === undefined) this.lines('levels', this.measured(lines), { title: `${label} at step ${formatNumber(step)}`, xLabel: 'level', cursor: this.levelCursor });
    if (lines.length > 0 && level !== undefined) this.lines('steps', this.measured(lines), { title: `${label} of level ${level} over training`, xLabel: 'Step', cursor: this.stepCursor });
    if (cka) this.drawCka(cka);
    if (lossByRatio.length > 0) this.lines('ratios', this.ratios(lossByRatio), { title: 'Loss by mask ratio', xLabel: 'mask ratio', cursor: this.ratioCursor, wholeX: false });
    this.charts.end();
  }

  private lines(id: string, lines: readonly Line[], options: Pick<LinesOptions, 'title' | 'xLabel' | 'cursor' | 'wholeX'>): void {
    this.charts.place(id, () => new ChartSlot(linesChart, 290)).update(lines, {
      wholeX: true, legend: true, onPick: (run) => this.open(run), onPng: (name, content) => this.savePng(name, content), ...options,
      label: `${options.title}: ${lines.length} ${lines.length === 1 ? 'line' : 'lines'}. Left and right move the cursor, up and down choose the line, Enter opens the config.`,
    });
  }

  private drawCka({ run, step, matrix }: NonNullable<DiagnosticsData['cka']>): void {
    const { name } = this.dashboard.run(run);
    this.charts.place('cka', () => new ChartSlot(heatMapChart, 350)).update(matrix, {
      title: `CKA with the teacher at step ${formatNumber(step)}: ${name}`, height: 320, domain: [0, 1],
      label: `CKA of ${matrix.rows.length} student levels and ${matrix.columns.length} teacher levels, of ${name} at step ${step}. The arrow keys walk over cells, Enter opens the config.`,
      xLabel: 'teacher level', yLabel: 'student level', onPick: () => this.open(run), onPng: (title, content) => this.savePng(title, content),
    });
  }

  /** Students first. References that are the same in several runs, as of one teacher, are one line. */
  private measured(lines: readonly DataLine[]): Line[] {
    const students = lines.filter(({ subject }) => subject === 'student').map(({ run, x, y }): Line => ({ id: run, label: this.dashboard.run(run).name, color: this.dashboard.run(run).color, x, y }));
    return [...students, ...this.references(lines, 'teacher'), ...this.references(lines, 'random')];
  }

  private references(lines: readonly DataLine[], subject: keyof typeof REFERENCE_COLORS): Line[] {
    const distinct = [...Map.groupBy(lines.filter((line) => line.subject === subject), ({ y }) => JSON.stringify(y)).values()];
    return distinct.map(([line], i): Line => ({ id: line!.run, label: distinct.length === 1 ? subject : `${subject} of ${this.dashboard.run(line!.run).name}`, color: REFERENCE_COLORS[subject] + i * SAME_HUE, x: line!.x, y: line!.y }));
  }

  /** A run's strategies have its hue and other dashes. */
  private ratios(lines: DiagnosticsData['lossByRatio']): Line[] {
    const seen = new Map<RunKey, number>();
    return lines.map(({ run, strategy, step, x, y }): Line => {
      const nth = seen.get(run) ?? 0;
      seen.set(run, nth + 1);
      const { name, color } = this.dashboard.run(run);
      return { id: run, label: `${name}, ${strategy}, step ${formatNumber(step)}`, color: color + nth * SAME_HUE, x, y };
    });
  }

  /** At the last place the view follows the training. */
  private toPlace(place: number): void {
    const steps = this.data?.steps ?? [];
    this.change({ step: place === steps.length - 1 ? undefined : steps[place] });
  }

  private change(part: Partial<DashboardState['diagnostics']>): void {
    this.dashboard.change({ diagnostics: { ...this.dashboard.state.diagnostics, ...part } });
  }

  private open(run: RunKey): void {
    this.dashboard.send({ type: 'open-config', run });
  }

  private savePng(name: string, content: string): void {
    this.dashboard.send({ type: 'export', format: 'png', name, content });
  }

  private saveCsv(): void {
    const { measure = '', level, lines = [] } = this.data ?? {};
    const rows = lines.flatMap(({ run, subject, step, x, y }) => x.map((at, i) => [this.dashboard.run(run).name, subject, level === undefined ? (step ?? null) : at, level ?? at, y[i] ?? null]));
    this.dashboard.send({ type: 'export', format: 'csv', name: `diagnostics-${measure}`, content: toCsv([['run', 'of', 'step', 'level', measure], ...rows]) });
  }
}

function noteOn(runs: number, data: DiagnosticsData | undefined): string {
  if (runs === 0) return 'Select runs in the list to see what their levels do.';
  if (!data) return 'Reading diagnostics…';
  return data.steps.length === 0 ? 'None of the selected runs has been diagnosed. Set `diagnostics` in the config, or run mim diagnose.' : '';
}
