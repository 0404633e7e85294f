/** What is known of the tensor that is pointed at: its statistics and how its values are spread. */
import type { TensorDetail, TensorRow } from '../../extension/core/protocol/checkpoint';
import { bytes as sizeText } from '../../extension/core/text/format';
import { histogramChart, type HistogramChart } from '../charts/histogram';
import { formatNumber } from '../charts/numbers';
import { h } from '../dom';
import { shapeText } from './sizes';
import { sickness } from './tensor-rows';

export class DetailPane {
  readonly element = h('aside', { class: 'detail', 'aria-label': 'Tensor' });
  private readonly facts = h('div', { 'aria-live': 'polite' });
  private readonly plot = h('div', {});
  private chart: HistogramChart | undefined;

  constructor() {
    this.element.append(this.facts, this.plot);
    this.show(undefined, undefined, undefined);
  }

  /** @param problem why there are no statistics */
  show(tensor: TensorRow | undefined, detail: TensorDetail | undefined, problem: string | undefined): void {
    if (tensor === undefined) {
      this.facts.replaceChildren(h('p', { class: 'faint' }, 'Choose a tensor to see how its values are spread.'));
      this.clearPlot();
      return;
    }
    const sick = detail && sickness(detail);
    this.facts.replaceChildren(
      h('h2', {}, tensor.name),
      factList([['Shape', shapeText(tensor.shape)], ['Type', tensor.dtype], ['Size', sizeText(tensor.bytes)], ...(detail ? statistics(detail) : [])]),
      ...(sick === undefined ? [] : [h('p', { class: 'problem' }, `Not finite: ${sick}.`)]),
      ...(problem === undefined ? [] : [h('p', { class: 'problem' }, problem)]),
      ...(detail === undefined && problem === undefined ? [h('p', { class: 'faint' }, 'Reading…')] : []),
    );
    this.draw(tensor.name, detail);
  }

  private draw(name: string, detail: TensorDetail | undefined): void {
    if (detail === undefined || detail.histogram.counts.length === 0) return this.clearPlot();
    if (this.chart) this.chart.update(detail.histogram, name);
    else this.chart = histogramChart(this.plot, detail.histogram, name);
  }

  private clearPlot(): void {
    this.chart?.destroy();
    this.chart = undefined;
  }
}

function statistics({ min, max, mean, std, nan, infinite }: TensorDetail): [string, string][] {
  return [
    ['Min', formatNumber(min)], ['Max', formatNumber(max)], ['Mean', formatNumber(mean)], ['Std', formatNumber(std)],
    ['NaN', formatNumber(nan)], ['Infinite', formatNumber(infinite)],
  ];
}

/** Labels beside their values. */
export function factList(facts: readonly (readonly [label: string, value: string])[]): HTMLElement {
  return h('dl', { class: 'facts' }, ...facts.flatMap(([label, value]) => [h('dt', {}, label), h('dd', {}, value)]));
}
