/** How Dynamic Alignment mixes the student's levels: its weights at a step, and how spread and where each row is over training. */
import type { AlignmentData, DashboardState, RunKey, ViewData } from '../../../extension/core/protocol/dashboard';
import { SharedCursor } from '../../charts/cursor';
import { heatMapChart } from '../../charts/heat-map';
import { linesChart } from '../../charts/lines';
import { formatNumber } from '../../charts/numbers';
import { ChartSlot } from '../../charts/slot';
import { button, dropdown, slider } from '../../controls/controls';
import { h, setText } from '../../dom';
import { toCsv } from '../export';
import type { Dashboard, View } from '../view';
import { SlotGrid } from './slot-grid';

export function alignmentView(container: HTMLElement, dashboard: Dashboard): View {
  return new Alignment(container, dashboard);
}

class Alignment implements View {
  private readonly cursor = new SharedCursor();
  private readonly run = dropdown('Run', [], '', (run) => this.change({ run }));
  private readonly step = slider('Step', { min: 0, max: 0, step: 1 }, 0, (place) => this.toPlace(place));
  private readonly note = h('p', { class: 'note', role: 'status' });
  private readonly charts = new SlotGrid();
  private data: AlignmentData | undefined;
  private drawn = '';

  constructor(container: HTMLElement, private readonly dashboard: Dashboard) {
    const csv = button('CSV', () => this.saveCsv(), { label: 'Save the weights as CSV' });
    container.append(h('div', { class: 'bar' }, this.run.element, this.step.element, csv.element), this.note, this.charts.element);
  }

  render(data: ViewData | undefined): void {
    if (data?.view === 'alignment') this.data = data;
    const { selected } = this.dashboard.state;
    setText(this.note, this.data ? (this.data.note ?? '') : 'Reading alignment weights…');
    if (!this.data) return;
    const { steps, step, run } = this.data;
    this.run.setChoices(selected.map((key) => ({ value: key, label: this.dashboard.run(key).name })), run ?? '');
    this.step.setRange({ min: 0, max: Math.max(0, steps.length - 1), step: 1, format: (place) => formatNumber(steps[place]) }, step === undefined ? 0 : steps.indexOf(step));
    const drawn = JSON.stringify([this.data, run && this.dashboard.run(run).name]);
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    this.draw(this.data);
  }

  destroy(): void {
    this.charts.destroy();
  }

  private draw({ run, matrix, step, steps, entropy, centre, largest }: AlignmentData): void {
    this.cursor.set(step);
    this.charts.start();
    if (run !== undefined && matrix && step !== undefined) {
      const { name } = this.dashboard.run(run);
      this.charts.place('weights', () => new ChartSlot(heatMapChart, 350)).update(matrix, {
        title: `Weights at step ${formatNumber(step)}: ${name}`, height: 320, signed: true, ...(largest !== undefined && { domain: [-largest, largest] as const }),
        label: `Weights by which ${matrix.rows.length} teacher levels are met by ${matrix.columns.length} student levels, of ${name} at step ${step}. The arrow keys walk over cells, Enter opens the config.`,
        xLabel: 'student level', yLabel: 'teacher level', onPick: () => this.open(run), onPng: (title, content) => this.savePng(title, content),
      });
      this.lines('entropy', 'Row entropy', 'nats', steps, entropy, run);
      this.lines('centre', 'Centre of mass', 'student level', steps, centre, run);
    }
    this.charts.end();
  }

  private lines(id: string, what: string, unit: string, steps: readonly number[], rows: readonly (readonly number[])[], run: RunKey): void {
    const lines = rows.map((y, level) => ({ id: run, label: `teacher level ${level + 1}`, color: level, x: steps, y }));
    this.charts.place(id, () => new ChartSlot(linesChart)).update(lines, {
      title: `${what} (${unit}) over training`, label: `${what} of the weights of ${rows.length} teacher levels over training. Left and right move the cursor, up and down choose the level, Enter opens the config.`,
      xLabel: 'Step', wholeX: true, cursor: this.cursor, legend: true, onPick: (picked) => this.open(picked), onPng: (title, content) => this.savePng(title, content),
    });
  }

  /** At the last place the view follows the training. */
  private toPlace(place: number): void {
    const steps = this.data?.steps ?? [];
    this.change({ step: place === steps.length - 1 ? undefined : steps[place] });
  }

  private change(part: Partial<DashboardState['alignment']>): void {
    this.dashboard.change({ alignment: { ...this.dashboard.state.alignment, ...part } });
  }

  private open(run: RunKey): void {
    this.dashboard.send({ type: 'open-config', run });
  }

  private savePng(name: string, content: string): void {
    this.dashboard.send({ type: 'export', format: 'png', name, content });
  }

  private saveCsv(): void {
    const { matrix } = this.data ?? {};
    if (!matrix) return;
    const rows = matrix.rows.flatMap((row, i) => matrix.columns.map((column, j) => [row, column, matrix.values[i]?.[j] ?? null]));
    this.dashboard.send({ type: 'export', format: 'csv', name: `alignment-${this.data?.step ?? 0}`, content: toCsv([['teacher_level', 'student_level', 'weight'], ...rows]) });
  }
}
