/** Draws a chart that nobody sees: the first one costs three times what the next ones do, and a page that waits for its data has that time. */
import { h } from '../dom';
import { SharedCursor } from './cursor';
import { linesChart } from './lines';

export function warmUp(): void {
  const place = h('div', { class: 'warm-up', 'aria-hidden': 'true', inert: true });
  document.body.append(place);
  const line = { label: '', color: 0, x: [0, 1], y: [0, 1] };
  const lines = Array.from({ length: 8 }, (_, i) => ({ ...line, id: String(i) }));
  linesChart(place, lines, { title: '', label: '', xLabel: '', logX: false, logY: false, cursor: new SharedCursor() }).destroy();
  place.remove();
}
