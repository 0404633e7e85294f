/** What stands above the tensors: which file this is, the model in it, its alignment weights. */
import type { ToCheckpoint } from '../../extension/core/protocol/checkpoint';
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
      modelOf(header),
    );
    const entries = Object.entries(metadata);
    if (entries.length > 0) this.element.append(folded(`Metadata (${entries.length})`, factList(entries)));
    if (alignment) {
      const place = h('div', { class: 'alignment' });
      const section = folded('Alignment weights', place);
      section.open = true;
      this.element.append(section);
      const height = Math.min(360, 90 + 20 * alignment.rows.length);
      this.map = heatMapChart(place, alignment, {
        title: 'Alignment weights', label: 'Alignment weights: a row for each teacher level, a column for each student level',
        xLabel: 'student level', yLabel: 'teacher level', signed: true, height,
      });
    }
  }
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
