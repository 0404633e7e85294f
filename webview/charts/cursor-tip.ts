/** What all curves of a chart have at the cursor, beside it: the nearest one marked, and few enough to be read. */
import { h } from '../dom';
import { swatch } from './run-mark';

export interface TipRow {
  readonly label: string;
  /** Index into the palette. */
  readonly color: number;
  /** As the user reads it. */
  readonly value: string;
}

/** More would cover the chart; those around the nearest curve are kept. */
const ROWS = 12;
/** Pixels between the cursor and the box. */
const APART = 12;

export class CursorTip {
  readonly element = h('div', { class: 'chart-tip', 'aria-hidden': 'true', hidden: true });

  /** @param nearest index of the row to be marked */
  show(title: string, rows: readonly TipRow[], nearest: number | undefined, place: { readonly x: number; readonly width: number }): void {
    const first = Math.max(0, Math.min(rows.length - ROWS, (nearest ?? 0) - ROWS / 2));
    const shown = rows.slice(first, first + ROWS);
    const left = rows.length - shown.length;
    this.element.replaceChildren(
      h('div', { class: 'chart-tip-title' }, title),
      ...shown.map((row, i) => h('div', { class: first + i === nearest ? 'chart-tip-row nearest' : 'chart-tip-row' }, swatch(row.color), h('span', { class: 'chart-tip-label' }, row.label), h('span', {}, row.value))),
      ...(left > 0 ? [h('div', { class: 'chart-tip-row' }, `and ${left} more below the charts`)] : []),
    );
    this.element.hidden = false;
    const onLeft = place.x > place.width / 2;
    this.element.style.left = onLeft ? 'auto' : `${place.x + APART}px`;
    this.element.style.right = onLeft ? `${place.width - place.x + APART}px` : 'auto';
  }

  hide(): void {
    this.element.hidden = true;
  }
}
