/** Probe accuracy against the swept keys: seeds as points with mean and interval, holes and failures, and all keys at once. */
import type { DashboardState, SweepData, ViewData } from '../../../extension/core/protocol/dashboard';
import { formatShare } from '../../charts/numbers';
import { parallelChart } from '../../charts/parallel';
import { pointsChart } from '../../charts/points';
import { ChartSlot } from '../../charts/slot';
import { button, dropdown } from '../../controls/controls';
import { h, setText } from '../../dom';
import { chooser } from '../chooser';
import { toCsv, toMarkdown } from '../export';
import type { Dashboard, View } from '../view';
import { SlotGrid } from './slot-grid';
import { parallelAxes, sweepGroups, sweepPlaces, sweepRows, sweepTable } from './sweep-data';

export function sweepView(container: HTMLElement, dashboard: Dashboard): View {
  return new Sweep(container, dashboard);
}

class Sweep implements View {
  private readonly x = dropdown('X axis', [], '', (key) => this.putFirst(key));
  private readonly keys = chooser('Keys', (keys) => this.choose(keys));
  private readonly protocol = dropdown('Probe', [], '', (protocol) => this.change({ protocol }));
  private readonly note = h('p', { class: 'note', role: 'status' });
  private readonly charts = new SlotGrid();
  private data: SweepData | undefined;
  private drawn = '';

  constructor(container: HTMLElement, private readonly dashboard: Dashboard) {
    const csv = button('CSV', () => this.save('csv'), { label: 'Save the sweep as CSV' });
    const markdown = button('Markdown', () => this.save('markdown'), { label: 'Save the sweep as Markdown' });
    this.charts.element.classList.add('wide');
    container.append(h('div', { class: 'bar' }, this.x.element, this.keys.element, this.protocol.element, csv.element, markdown.element), this.note, this.charts.element);
  }

  render(data: ViewData | undefined): void {
    if (data?.view === 'sweep') this.data = data;
    setText(this.note, noteOn(this.dashboard.state.selected.length, this.data));
    if (!this.data) return;
    const { sweepable, keys, protocols, protocol } = this.data;
    this.x.setChoices(sweepable.map(toChoice), keys[0] ?? '');
    this.keys.setChoices(sweepable.map(toChoice), this.dashboard.state.sweep.keys, keys);
    this.protocol.setChoices(protocols.map(toChoice), protocol ?? '');
    const drawn = JSON.stringify([this.data, this.data.cells.flatMap(({ runs }) => runs.map(({ key }) => this.dashboard.run(key).name))]);
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    this.draw(this.data);
  }

  destroy(): void {
    this.charts.destroy();
  }

  private draw(data: SweepData): void {
    const { keys, cells, protocol, baselines } = data;
    const nameOf = (run: string) => this.dashboard.run(run).name;
    this.charts.start();
    if (keys.length > 0 && cells.length > 0) {
      const title = `${protocol ?? 'Probe'} accuracy against ${keys[0]!}`;
      this.charts.place('points', () => new ChartSlot(pointsChart, 390)).update(sweepGroups(data, nameOf), {
        title, label: `${title}: ${cells.length} cells of the sweep. The arrow keys walk over runs, Enter opens the config.`, height: 360,
        xLabel: keys[0]!, places: sweepPlaces(cells, 0), formatY: formatShare, bounds: [0, 1], references: baselines.map(({ name, accuracy }) => ({ label: name, y: accuracy })),
        table: () => sweepTable(data), onPick: (run) => this.open(run), onPng: (name, content) => this.savePng(name, content),
      });
    }
    if (keys.length > 1) {
      const axes = parallelAxes(data);
      if (axes) {
        this.charts.place('parallel', () => new ChartSlot(parallelChart, 350)).update(axes.axes, {
          title: 'All keys at once', label: `Parallel coordinates of ${keys.join(', ')} and accuracy. The arrow keys walk over cells, Enter opens the config.`,
          height: 320, ids: axes.ids, onPick: (run) => this.open(run), onPng: (name, content) => this.savePng(name, content),
        });
      }
    }
    this.charts.end();
  }

  /** The key on x stays the first of the keys. */
  private putFirst(key: string): void {
    this.change({ keys: [key, ...(this.data?.keys ?? []).filter((other) => other !== key)] });
  }

  private choose(keys: readonly string[]): void {
    const first = this.data?.keys[0];
    this.change({ keys: first !== undefined && keys.includes(first) ? [first, ...keys.filter((key) => key !== first)] : keys });
  }

  private change(part: Partial<DashboardState['sweep']>): void {
    this.dashboard.change({ sweep: { ...this.dashboard.state.sweep, ...part } });
  }

  private open(run: string): void {
    this.dashboard.send({ type: 'open-config', run, key: this.data?.keys[0] });
  }

  private savePng(name: string, content: string): void {
    this.dashboard.send({ type: 'export', format: 'png', name, content });
  }

  private save(format: 'csv' | 'markdown'): void {
    if (!this.data) return;
    const rows = sweepRows(this.data, (run) => this.dashboard.run(run).name);
    const content = format === 'csv' ? toCsv(rows) : toMarkdown(rows);
    this.dashboard.send({ type: 'export', format, name: 'sweep', content });
  }
}

function toChoice(value: string) {
  return { value, label: value };
}

function noteOn(runs: number, data: SweepData | undefined): string {
  if (runs === 0) return 'Select the runs of a sweep in the list to see how the probe depends on what it changes.';
  if (!data) return 'Reading runs…';
  if (data.keys.length === 0) return 'The selected runs differ in no key but their seed. Select runs of a sweep, or runs with different configs.';
  if (data.protocol === undefined) return 'None of the selected runs has been evaluated yet: holes stand at the foot of the chart until a probe has run.';
  const count = (state: string) => data.cells.flatMap((cell) => cell.runs).filter((run) => run.state === state).length;
  const missing = data.cells.reduce((sum, { missingSeeds }) => sum + (missingSeeds?.length ?? 0), 0);
  const parts = [[count('running'), 'running'], [count('failed'), 'failed'], [count('lost'), 'lost'], [unmeasured(data), 'stopped or finished without a probe'], [missing, 'not begun']].filter(([n]) => n !== 0);
  return parts.length === 0 ? '' : `Without a full result: ${parts.map(([n, what]) => `${n} ${what}`).join(', ')}.`;
}

function unmeasured({ cells }: SweepData): number {
  return cells.flatMap(({ runs }) => runs).filter(({ state, accuracy }) => accuracy === undefined && (state === 'stopped' || state === 'finished')).length;
}
