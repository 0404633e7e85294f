/** The controls above the curves. */
import type { CurvesData, DashboardState, XAxis } from '../../../extension/core/protocol/dashboard';
import { button, checkbox, dropdown, slider } from '../../controls/controls';
import { chooser } from '../chooser';
import { h } from '../../dom';
import type { Dashboard } from '../view';

export const X_LABELS: Readonly<Record<XAxis, string>> = { step: 'Step', epoch: 'Epoch', time: 'Time', gmac: 'GMAC' };

/** Each step of the slider leaves about a third less of the new: even to the eye, fine where it matters. */
const STEPS = 18;
const smoothingAt = (place: number): number => (place === 0 ? 0 : Number((1 - 0.68 ** place).toFixed(3)));
const placeOf = (smoothing: number): number => Math.round(Math.log(1 - Math.min(0.999, smoothing)) / Math.log(0.68));

export class CurveTools {
  readonly element: HTMLElement;
  private readonly x;
  private readonly smoothing;
  private readonly logX;
  private readonly logY;
  private readonly heatMap;
  private readonly metrics;

  constructor(private readonly dashboard: Dashboard, onCsv: () => void) {
    const axes = (Object.keys(X_LABELS) as XAxis[]).map((value) => ({ value, label: X_LABELS[value] }));
    const { curves } = dashboard.state;
    // A zoomed range means nothing on another axis.
    this.x = dropdown('X axis', axes, curves.x, (x) => this.change({ x: x as XAxis, range: undefined }));
    const format = (place: number) => String(smoothingAt(place));
    this.smoothing = slider('Smoothing', { min: 0, max: STEPS, step: 1, format }, placeOf(curves.smoothing), (place) => this.change({ smoothing: smoothingAt(place) }));
    this.logX = checkbox('Log x', curves.logX, (logX) => this.change({ logX }));
    this.logY = checkbox('Log y', curves.logY, (logY) => this.change({ logY }));
    this.heatMap = checkbox('Levels as heat map', curves.heatMap, (heatMap) => this.change({ heatMap }));
    this.metrics = chooser('Metrics', (metrics) => this.change({ metrics }));
    const csv = button('CSV', onCsv, { label: 'Save the curves as CSV' });
    this.element = h('div', { class: 'bar' }, this.x.element, this.smoothing.element, this.logX.element, this.logY.element, this.heatMap.element, this.metrics.element, csv.element);
  }

  render(data: CurvesData | undefined): void {
    const { curves } = this.dashboard.state;
    this.x.set(curves.x);
    this.smoothing.set(placeOf(curves.smoothing));
    this.logX.set(curves.logX);
    this.logY.set(curves.logY);
    this.heatMap.set(curves.heatMap);
    if (data) this.metrics.setChoices(data.metrics.map(({ name, label, group }) => ({ value: name, label, group })), curves.metrics, usual(data));
  }

  private change(part: Partial<DashboardState['curves']>): void {
    this.dashboard.change({ curves: { ...this.dashboard.state.curves, ...part } });
  }
}

/** What the host drew, levels of heat maps included. */
function usual({ metrics, series, heatMaps }: CurvesData): string[] {
  return metrics.filter(({ name, group }) => series.some(({ metric }) => metric === name) || (group === 'levels' && heatMaps.length > 0)).map(({ name }) => name);
}
