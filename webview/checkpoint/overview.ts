/** What stands above the tensors: which file this is, the model in it, its alignment weights. */
import type { ToCheckpoint } from '../../extension/core/protocol/checkpoint';
import type { Matrix } from '../../extension/core/protocol/dashboard';
import { bytes as sizeText } from '../../extension/core/text/format';
import { heatMapChart, type HeatMapChart } from '../charts/heat-map';
import { h } from '../dom';
import { factList } from './detail-pane';
import { countText } from './sizes';

export type Header = Extract<ToCheckpoint, { readonly type: 'header' }>;

/** The last two folders and the name, by which checkpoints of a run are told apart. */
export function shortPath(file: string): string {
  const parts = file.split(/[\\/]/);
  return parts.slice(-3).join('/');
}

export class Overview {
  readonly element = h('header', { class: 'overview' });
  private map: HeatMapChart | undefined;

  show(header: Header): void {
    this.map?.destroy();
    this.map = undefined;
    const { file, tensors, elements, bytes, alignment, metadata } = header;
    this.element.replaceChildren(
      h('h1', { title: file }, shortPath(file)),
      h('p', { class: 'totals' }, `${countText(tensors.length, 'tensor')}, ${countText(elements, 'value')}, ${sizeText(bytes)}`),
    );
    const entries = Object.entries(metadata);
    const facts = h('div', {}, modelOf(header), entries.length > 0 ? folded(`Metadata (${entries.length})`, factList(entries)) : undefined);
    const sections = h('div', { class: 'overview-sections' }, facts);
    this.element.append(sections);
    if (alignment) this.map = drawAlignment(sections, alignment);
  }
}

function drawAlignment(sections: HTMLElement, alignment: Matrix): HeatMapChart {
  const place = h('div', {});
  const section = folded('Alignment weights', place);
  section.open = true;
  sections.append(section);
  return heatMapChart(place, alignment, {
    title: 'Teacher level × student level',
    label: 'Alignment weights: a row for each teacher level, a column for each student level',
    xLabel: 'student level',
    yLabel: 'teacher level',
    signed: true,
    height: Math.min(320, 80 + 18 * alignment.rows.length),
  });
}

function modelOf({ model, notAModel }: Header): HTMLElement {
  if (model === undefined) return folded('No encoder', h('p', {}, notAModel ?? 'The tensors make no encoder that is known here.'));
  const section = folded('Model', factList(model.map(({ label, value }) => [label, value] as const)));
  section.open = true;
  return section;
}

function folded(title: string, content: HTMLElement): HTMLDetailsElement {
  return h('details', { class: 'section' }, h('summary', {}, title), content);
}
