/** What Chart.js draws for a curve: a band where there is one, the curve, and a few markers on it. */
import type { ChartDataset, Point } from 'chart.js';
import { translucent } from './engine';
import type { Line, LinesOptions } from './lines';
import { runMark } from './run-mark';
import type { ChartTheme } from './theme';

/** Markers along a curve: enough to tell it, few enough to see it. */
const MARKERS = 7;
/** Pixels by which a marker at the edge may leave the plot, so that it is seen whole. */
const MARKER_ROOM = 5;

/** Of those of a line, only the curve has a label. */
type LineDataset = ChartDataset<'line', Point[]>;

export function lineDatasets(line: Line, theme: ChartTheme, options: LinesOptions): LineDataset[] {
  const mark = runMark(line.color);
  const color = theme.series[mark.hue]!;
  const points = (ys: readonly (number | null)[]) => toPoints(line.x, ys, options);
  const plain = { parsing: false, normalized: true, pointRadius: 0, pointHitRadius: 0, spanGaps: false } as const;
  const curve: LineDataset = { ...plain, label: line.label, data: points(line.y), borderColor: color, borderWidth: 1.75, borderDash: [...mark.dash] };
  const marks: LineDataset = {
    ...plain, data: spread(curve.data), showLine: false, pointStyle: mark.marker, pointRadius: 3.5,
    pointBorderColor: color, pointBackgroundColor: color, borderColor: color, pointBorderWidth: 1.5, clip: MARKER_ROOM,
  };
  if (!line.low || !line.high) return [marks, curve];
  // Where a point stands for one record, both edges are that record: the band is then a faint line, and spikes are seen.
  const edge = { ...plain, borderWidth: 1, borderColor: translucent(color, 0.28), backgroundColor: translucent(color, 0.18) };
  return [marks, curve, { ...edge, data: points(line.low), fill: false }, { ...edge, data: points(line.high), fill: '-1' }];
}

function toPoints(xs: readonly number[], ys: readonly (number | null)[], options: LinesOptions): Point[] {
  const points: Point[] = [];
  xs.forEach((x, index) => {
    const y = ys[index] ?? Number.NaN;
    if (options.logX && x <= 0) return;
    points.push({ x, y: options.logY && y <= 0 ? Number.NaN : y });
  });
  return points;
}

function spread(points: readonly Point[]): Point[] {
  if (points.length <= MARKERS) return [...points];
  return Array.from({ length: MARKERS }, (_, i) => points[Math.round((i * (points.length - 1)) / (MARKERS - 1))]!);
}

/** Distance in pixels from a place to a curve as it is drawn: straight between its points, none within gaps. */
export function pixelDistance(points: readonly Point[], place: { readonly x: number; readonly y: number }, [toX, toY]: readonly [(x: number) => number, (y: number) => number]): number {
  let nearest = Infinity;
  const pixels = points.map(({ x, y }) => ({ x: toX(x ?? NaN), y: toY(y ?? NaN) }));
  pixels.forEach(({ x, y }, i) => {
    const next = pixels[i + 1];
    const apart = [Math.hypot(x - place.x, y - place.y)];
    if (next && x < next.x && place.x >= x && place.x <= next.x) apart.push(Math.abs(y + ((next.y - y) * (place.x - x)) / (next.x - x) - place.y));
    for (const distance of apart) if (distance < nearest) nearest = distance;
  });
  return nearest;
}

/** How many values a log axis cannot show. */
export function notPositive(lines: readonly Line[]): number {
  return lines.reduce((sum, { y }) => sum + y.filter((value) => value !== null && value <= 0).length, 0);
}

/** Smallest and largest x of all lines; on a log axis only of what it can show. */
export function extent(lines: readonly Line[], log: boolean): readonly [number | undefined, number | undefined] {
  let min = Infinity;
  let max = -Infinity;
  for (const { x } of lines) {
    const first = log ? x.find((value) => value > 0) : x[0];
    if (first !== undefined && first < min) min = first;
    const last = x.at(-1);
    if (last !== undefined && last > max) max = last;
  }
  return min < max ? [min, max] : [undefined, undefined];
}
