/** How a run is told from another in every chart and list: by hue, and by dash and marker for eyes that see no hue. */
import type { PointStyle } from 'chart.js';
import { svg } from '../dom';
import { HUES } from './theme';

export interface RunMark {
  readonly hue: number;
  /** Lengths of line and gap in pixels; empty is a full line. */
  readonly dash: readonly number[];
  readonly marker: Exclude<PointStyle, HTMLImageElement | HTMLCanvasElement | false>;
}

/** Colours offered to the user: three rounds of hues, each round with other dashes and markers. */
export const MARK_COUNT = 24;

const DASHES: readonly (readonly number[])[] = [[], [6, 3], [2, 2], [9, 3, 2, 3], [12, 4]];
const MARKERS: readonly RunMark['marker'][] = ['circle', 'rect', 'triangle', 'rectRot', 'cross', 'star', 'crossRot'];
const HUE_NAMES = ['blue', 'orange', 'green', 'purple', 'red', 'cyan', 'yellow', 'magenta'] as const;

/** The counts of hues, dashes and markers share no factor, so 280 runs in a row all differ. */
export function runMark(color: number): RunMark {
  const index = Math.abs(Math.trunc(color));
  return { hue: index % HUES, dash: DASHES[index % DASHES.length]!, marker: MARKERS[index % MARKERS.length]! };
}

export function markName(color: number): string {
  const { hue, dash, marker } = runMark(color);
  return `${HUE_NAMES[hue]!}, ${dash.length === 0 ? 'full line' : `dashed ${dash.join('-')}`}, ${MARKER_NAMES[marker]}`;
}

const MARKER_NAMES: Readonly<Record<RunMark['marker'], string>> = {
  circle: 'circle', rect: 'square', rectRounded: 'square', triangle: 'triangle', rectRot: 'diamond', cross: 'cross', star: 'star', crossRot: 'saltire', line: 'line', dash: 'dash',
};

const SHAPES: Readonly<Record<string, string>> = {
  circle: 'M14 3a3 3 0 1 0 .01 0z', rect: 'M11 3h6v6h-6z', triangle: 'M14 2.5l3.5 6.5h-7z', rectRot: 'M14 2l4 4-4 4-4-4z',
  cross: 'M14 2v8M10 6h8', star: 'M14 2v8M10 6h8M11.2 3.2l5.6 5.6M16.8 3.2l-5.6 5.6', crossRot: 'M11 3l6 6M17 3l-6 6',
};

/** A piece of the run's line with its marker; takes the theme's colours by itself. */
export function swatch(color: number): SVGSVGElement {
  const { hue, dash, marker } = runMark(color);
  const paint = `var(--mim-series-${hue})`;
  const line = svg('path', { d: 'M0 6h28', fill: 'none', 'stroke-width': 2, 'stroke-dasharray': dash.join(' ') || undefined });
  const shape = svg('path', { d: SHAPES[marker]!, 'stroke-width': 1.5 });
  line.style.stroke = paint;
  shape.style.stroke = paint;
  shape.style.fill = paint;
  return svg('svg', { class: 'swatch', width: 28, height: 12, viewBox: '0 0 28 12', 'aria-hidden': 'true' }, line, shape);
}
