/** What Chart.js draws for a group of measured points: the points, their means with intervals, and a line along the means. */
import type { ChartDataset } from 'chart.js';
import { translucent } from './engine';
import type { MeasuredPoint, PointGroup } from './points';
import { runMark, type RunMark } from './run-mark';
import type { ChartTheme } from './theme';

export type PointKind = 'scatter' | 'scatterWithErrorBars' | 'line';
export type PointDataset = ChartDataset<PointKind> & { readonly texts?: readonly string[]; readonly ids?: readonly (string | undefined)[] };

export interface PointsExtent {
  readonly x: readonly [number, number];
  readonly y: readonly [number, number];
}

/** Groups stand this far apart at the same x, as a share of the axis, so that intervals do not cover each other. */
const APART = 0.008;

export function pointDatasets({ label, color, points, means }: PointGroup, index: number, groups: number, theme: ChartTheme, extent: PointsExtent): PointDataset[] {
  const mark = runMark(color);
  const paint = theme.series[mark.hue]!;
  // Points alone are read against the axis; only intervals need room.
  const shift = means.length === 0 ? 0 : (index - (groups - 1) / 2) * APART * (extent.x[1] - extent.x[0]);
  const joined = means.length > 0 ? means : points.flatMap(({ x, y }) => (y === undefined ? [] : { x, y }));
  const line = joined.map(({ x, y }) => ({ x: x + shift, y }));
  return [
    pointsOf(points, mark, theme, shift, extent.y[0]),
    {
      type: 'scatterWithErrorBars', label, texts: means.map(({ text }) => text), parsing: false,
      data: means.map(({ x, y, interval }) => ({ x: x + shift, y, yMin: interval?.[0] ?? y, yMax: interval?.[1] ?? y, xMin: x + shift, xMax: x + shift })),
      pointStyle: 'line', radius: 10, hoverRadius: 12, borderWidth: 3, borderColor: paint, backgroundColor: paint,
      errorBarColor: paint, errorBarWhiskerColor: paint, errorBarLineWidth: 1.5, errorBarWhiskerLineWidth: 1.5, errorBarWhiskerSize: 10,
    },
    { type: 'line', data: line, parsing: false, pointRadius: 0, pointHitRadius: 0, pointHoverRadius: 0, borderColor: means.length > 0 ? translucent(paint, 0.7) : paint, borderWidth: 1.5, borderDash: [...mark.dash] },
  ] as PointDataset[];
}

function pointsOf(points: readonly MeasuredPoint[], { hue, marker }: RunMark, theme: ChartTheme, shift: number, foot: number): PointDataset {
  const paint = theme.series[hue]!;
  const edge = points.map(({ kind }) => (kind === 'failed' ? theme.error : kind === 'missing' ? theme.faint : paint));
  return {
    type: 'scatter', texts: points.map(({ text }) => text), ids: points.map(({ id }) => id), parsing: false,
    data: points.map(({ x, y }) => ({ x: x + shift, y: y ?? foot })),
    pointStyle: points.map(({ kind }) => (kind === 'failed' ? 'crossRot' : kind === 'missing' ? 'rectRot' : marker)),
    pointRadius: points.map(({ kind }) => (kind === 'failed' || kind === 'missing' ? 6 : 4)),
    pointBorderColor: edge, pointBorderWidth: points.map(({ kind }) => (kind === 'measured' ? 1 : 2)),
    pointBackgroundColor: points.map(({ kind }) => (kind === 'measured' ? translucent(paint, 0.55) : 'transparent')),
    clip: false,
  } as PointDataset;
}

/** Room for every value, with a foot below the lowest for what has none. */
export function pointsExtent(groups: readonly PointGroup[], references: readonly number[]): PointsExtent {
  const all = groups.flatMap(({ points, means }) => [...points, ...means]);
  const xs = all.map(({ x }) => x);
  const ys = [...references, ...groups.flatMap(({ points, means }) => [...points.flatMap(({ y }) => y ?? []), ...means.flatMap(({ interval }) => interval ?? [])])];
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  const [low, high] = ys.length > 0 ? [Math.min(...ys), Math.max(...ys)] : [0, 1];
  const wide = right - left || Math.abs(right) || 1;
  const tall = high - low || 0.1;
  return { x: [left - wide * 0.07, right + wide * 0.07], y: [low - tall * 0.15, high + tall * 0.1] };
}
