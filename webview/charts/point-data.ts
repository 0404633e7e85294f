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
  /** Where what has no value stands, below `lowest`; absent where all have one. */
  readonly foot?: number;
  /** The lowest y that means a value. */
  readonly lowest: number;
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
    pointsOf(points, mark, theme, [shift, 2 * APART * (extent.x[1] - extent.x[0])], extent.foot ?? extent.y[0]),
    {
      type: 'scatterWithErrorBars', label, texts: means.map(({ text }) => text), parsing: false,
      data: means.map(({ x, y, interval }) => ({ x: x + shift, y, yMin: interval?.[0] ?? y, yMax: interval?.[1] ?? y, xMin: x + shift, xMax: x + shift })),
      pointStyle: 'line', radius: 10, hoverRadius: 12, borderWidth: 3, borderColor: paint, backgroundColor: paint,
      errorBarColor: paint, errorBarWhiskerColor: paint, errorBarLineWidth: 1.5, errorBarWhiskerLineWidth: 1.5, errorBarWhiskerSize: 10,
    },
    { type: 'line', data: line, parsing: false, pointRadius: 0, pointHitRadius: 0, pointHoverRadius: 0, borderColor: means.length > 0 ? translucent(paint, 0.7) : paint, borderWidth: 1.5, borderDash: [...mark.dash] },
  ] as PointDataset[];
}

function pointsOf(points: readonly MeasuredPoint[], { hue, marker }: RunMark, theme: ChartTheme, [shift, apart]: readonly [number, number], foot: number): PointDataset {
  const paint = theme.series[hue]!;
  const beside = besideEachOther(points);
  const edge = points.map(({ kind }) => (kind === 'failed' ? theme.error : kind === 'missing' ? theme.faint : paint));
  return {
    type: 'scatter', texts: points.map(({ text }) => text), ids: points.map(({ id }) => id), parsing: false,
    data: points.map(({ x, y }, i) => ({ x: x + shift + beside[i]! * apart, y: y ?? foot })),
    pointStyle: points.map(({ kind }) => (kind === 'failed' ? 'crossRot' : kind === 'missing' ? 'rectRot' : marker)),
    pointRadius: points.map(({ kind }) => (kind === 'failed' || kind === 'missing' ? 6 : 4)),
    pointBorderColor: edge, pointBorderWidth: points.map(({ kind }) => (kind === 'measured' ? 1 : 2)),
    pointBackgroundColor: points.map(({ kind }) => (kind === 'measured' ? translucent(paint, 0.55) : 'transparent')),
    clip: false,
  } as PointDataset;
}

/** What has no value would lie on one spot: the count of those before it at the same x. */
function besideEachOther(points: readonly MeasuredPoint[]): number[] {
  const counts = new Map<number, number>();
  return points.map(({ x, y }) => {
    if (y !== undefined) return 0;
    const before = counts.get(x) ?? 0;
    counts.set(x, before + 1);
    return before;
  });
}

/** Heights as shares of that of the values: of the foot, and of the room that intervals may take above and below. */
const FOOT = 0.16;
const INTERVAL_ROOM = 1;

/**
 * Room for every value within the bounds, with a foot below for what has none. Few seeds make intervals so wide that the
 * values would be one line: they may take as much room as the values on either side, and leave the plot beyond it.
 */
export function pointsExtent(groups: readonly PointGroup[], references: readonly number[], bounds: readonly [number, number] = [-Infinity, Infinity]): PointsExtent {
  const points = groups.flatMap((group) => group.points);
  const means = groups.flatMap((group) => group.means);
  const [left, right] = extentOf([...points, ...means].map(({ x }) => x));
  const wide = right - left || Math.abs(right) || 1;
  const values = [...references, ...points.flatMap(({ y }) => y ?? []), ...means.map(({ y }) => y)];
  const [low, high] = values.length > 0 ? extentOf(values) : [0, 1];
  const tall = high - low || 0.1;
  const ends = extentOf([low, high, ...means.flatMap(({ interval }) => interval ?? [])]);
  const lowest = Math.max(bounds[0], Math.max(ends[0], low - INTERVAL_ROOM * tall) - tall * 0.1);
  const highest = Math.min(bounds[1], Math.min(ends[1], high + INTERVAL_ROOM * tall) + tall * 0.1);
  const foot = points.some(({ y }) => y === undefined) ? (highest - lowest) * FOOT : 0;
  return { x: [left - wide * 0.07, right + wide * 0.07], y: [lowest - foot, highest], lowest, ...(foot > 0 && { foot: lowest - foot / 2 }) };
}

function extentOf(values: readonly number[]): [number, number] {
  return [Math.min(...values), Math.max(...values)];
}
