/** What the representation is worth: each probe's accuracy over checkpoints and, where several were probed, over layers. */
import type { DashboardState, ProbeAxis, ProbeData, RunKey, ViewData } from '../../../extension/core/protocol/dashboard';
import { formatNumber, formatShare } from '../../charts/numbers';
import { pointsChart, type PointGroup } from '../../charts/points';
import { ChartSlot } from '../../charts/slot';
import { button, dropdown } from '../../controls/controls';
import { h, setText } from '../../dom';
import { toCsv, toMarkdown, type Table } from '../export';
import type { Dashboard, View } from '../view';
import { X_LABELS } from './curve-tools';
import { SlotGrid } from './slot-grid';

type ProbePoint = ProbeData['points'][number];

const EVERY = 'all';
const AXES: readonly ProbeAxis[] = ['step', 'epoch', 'gmac'];

export function probeView(container: HTMLElement, dashboard: Dashboard): View {
  return new Probe(container, dashboard);
}

class Probe implements View {
  private readonly protocol = dropdown('Probe', [], EVERY, (protocol) => this.change({ protocol: protocol === EVERY ? undefined : protocol }));
  private readonly x = dropdown('X axis', AXES.map((value) => ({ value, label: X_LABELS[value] })), 'step', (x) => this.change({ x: x as ProbeAxis }));
  private readonly note = h('p', { class: 'note', role: 'status' });
  private readonly charts = new SlotGrid();
  private data: ProbeData | undefined;
  private drawn = '';

  constructor(container: HTMLElement, private readonly dashboard: Dashboard) {
    const csv = button('CSV', () => this.save('csv'), { label: 'Save the probe results as CSV' });
    const markdown = button('Markdown', () => this.save('markdown'), { label: 'Save the probe results as Markdown' });
    container.append(h('div', { class: 'bar' }, this.protocol.element, this.x.element, csv.element, markdown.element), this.note, this.charts.element);
  }

  render(data: ViewData | undefined): void {
    if (data?.view === 'probe') this.data = data;
    setText(this.note, noteOn(this.dashboard.state.selected.length, this.data));
    if (!this.data) return;
    const { protocols, points } = this.data;
    const choices = [{ value: EVERY, label: 'all' }, ...protocols.map((value) => ({ value, label: value }))];
    const { probe } = this.dashboard.state;
    this.protocol.setChoices(choices, probe.protocol ?? EVERY);
    this.x.set(this.axis);
    const runs = [...new Set(points.map(({ run }) => run))].map((key) => this.dashboard.run(key));
    const drawn = JSON.stringify([points, this.axis, runs.map(({ name, color }) => [name, color])]);
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    this.charts.start();
    for (const protocol of protocols) this.draw(protocol, points.filter((point) => point.protocol === protocol));
    this.charts.end();
  }

  destroy(): void {
    this.charts.destroy();
  }

  private draw(protocol: string, points: readonly ProbePoint[]): void {
    const students = points.filter(({ subject }) => subject === 'student' || subject === 'ema-student');
    const layered = students.filter(({ layer }) => layer !== undefined);
    const layers = new Set(layered.map(({ layer }) => layer));
    const { axis } = this;
    // Not every run tells its epochs, and what another tool's run costs is not known.
    const placed = bestAt(students).filter((point) => point[axis] !== undefined);
    if (placed.length > 0) this.chart(`${protocol} over checkpoints`, X_LABELS[axis], this.groups(placed, (point) => point[axis]!), points);
    if (layers.size > 1) this.chart(`${protocol} over layers`, 'Layer', this.groups(lastOfEachLayer(layered), ({ layer }) => layer!), points);
  }

  private get axis(): ProbeAxis {
    return this.dashboard.state.probe.x ?? 'step';
  }

  private chart(title: string, xLabel: string, groups: readonly PointGroup[], points: readonly ProbePoint[]): void {
    this.charts.place(title, () => new ChartSlot(pointsChart, 290)).update(groups, {
      title, label: `${title}: accuracy of ${groups.length} series. The arrow keys walk over results, Enter opens the config.`, height: 260,
      xLabel, formatY: formatShare, bounds: [0, 1], references: referencesOf(points), onPick: (run) => this.open(run),
      table: () => {
        const [columns, ...rows] = this.rows(points).map((row) => row.map((cell) => (typeof cell === 'number' ? String(Number(cell.toPrecision(4))) : String(cell ?? '–'))));
        return { columns: columns!, rows };
      },
      onPng: (name, content) => this.dashboard.send({ type: 'export', format: 'png', name, content }),
    });
  }

  /** A line a run; features of several kinds, or of several layers over steps, are told apart by the name of the line. */
  private groups(points: readonly ProbePoint[], at: (point: ProbePoint) => number): PointGroup[] {
    const groups = Map.groupBy(points, ({ run, subject, features }) => JSON.stringify([run, subject, features]));
    const kindOf = ({ subject, features }: ProbePoint) => (subject === 'student' ? features : `${features} of its moving average`);
    const several = new Set(points.map(kindOf)).size > 1;
    const { selected } = this.dashboard.state;
    const inOrder = [...groups.values()].sort((a, b) => selected.indexOf(a[0]!.run) - selected.indexOf(b[0]!.run));
    return inOrder.map((members) => {
      const { name, color } = this.dashboard.run(members[0]!.run);
      const label = several ? `${name}, ${kindOf(members[0]!)}` : name;
      const sorted = members.toSorted((a, b) => at(a) - at(b));
      return { label, color, means: [], points: sorted.map((point) => ({ id: point.run, x: at(point), y: point.top1, kind: 'measured', text: `${label}: ${formatShare(point.top1)}${point.top1Std === undefined ? '' : ` ± ${formatShare(point.top1Std)}`} at step ${point.step}${point.gmac === undefined ? '' : `, ${formatNumber(point.gmac)} GMAC`}${point.layer === undefined ? '' : `, layer ${point.layer}`}` })) };
    });
  }

  private rows(points: readonly ProbePoint[]): Table {
    return [['run', 'probe', 'of', 'features', 'step', 'epoch', 'gmac', 'layer', 'top1', 'std', 'top5'],
      ...points.map(({ run, protocol, subject, features, step, epoch, gmac, layer, top1, top1Std, top5 }) => [this.dashboard.run(run).name, protocol, subject, features, step, epoch ?? null, gmac ?? null, layer ?? null, top1, top1Std ?? null, top5 ?? null])];
  }

  private change(part: Partial<DashboardState['probe']>): void {
    this.dashboard.change({ probe: { ...this.dashboard.state.probe, ...part } });
  }

  private open(run: RunKey): void {
    this.dashboard.send({ type: 'open-config', run });
  }

  private save(format: 'csv' | 'markdown'): void {
    const rows = this.rows(this.data?.points ?? []);
    this.dashboard.send({ type: 'export', format, name: 'probes', content: format === 'csv' ? toCsv(rows) : toMarkdown(rows) });
  }
}

/** Of several layers probed at a step, the best. */
function bestAt(points: readonly ProbePoint[]): ProbePoint[] {
  const best = new Map<string, ProbePoint>();
  for (const point of points.toSorted((a, b) => a.top1 - b.top1)) best.set(JSON.stringify([point.run, point.subject, point.features, point.step]), point);
  return [...best.values()];
}

function lastOfEachLayer(points: readonly ProbePoint[]): ProbePoint[] {
  const last = new Map<string, ProbePoint>();
  for (const point of points.toSorted((a, b) => a.step - b.step)) last.set(JSON.stringify([point.run, point.subject, point.features, point.layer]), point);
  return [...last.values()];
}

/** Teacher and untrained student, each the mean over the runs that measured it. */
function referencesOf(points: readonly ProbePoint[]): { label: string; y: number }[] {
  return ['teacher', 'random'].flatMap((subject) => {
    const values = points.filter((point) => point.subject === subject).map(({ top1 }) => top1);
    return values.length === 0 ? [] : [{ label: subject, y: values.reduce((sum, value) => sum + value, 0) / values.length }];
  });
}

function noteOn(runs: number, data: ProbeData | undefined): string {
  if (runs === 0) return 'Select runs in the list to see their probes.';
  if (!data) return 'Reading probes…';
  return data.points.length === 0 ? 'None of the selected runs has been probed. Set `evaluate` in the config, or use MIM: Evaluate Checkpoint.' : '';
}
