/** Seconds a step against one size after another, with the arithmetic floor, as an SVG: a panel an axis, both scales logarithmic. */

export interface GrowthPoint {
  /** What is changed: `batch`, `depth`, … */
  readonly axis: string;
  readonly value: number;
  readonly seconds: number;
  /** The step's arithmetic at the machine's best measured rate. */
  readonly floorSeconds: number;
  /** 10⁹ floating-point operations a step. */
  readonly gflop: number;
}

const PANEL = { width: 190, height: 210, left: 58, top: 50, gap: 22 };
/** Okabe and Ito (2008). */
const MEASURED = '#0072B2';
const FLOOR = '#D55E00';

/** Positions on a logarithmic scale, with a margin at both ends. */
function scale(values: readonly number[], from: number, to: number): (value: number) => number {
  const [low, high] = [Math.log(Math.min(...values)), Math.log(Math.max(...values))];
  const span = high - low || 1;
  return (value) => from + (0.08 + 0.84 * ((Math.log(value) - low) / span)) * (to - from);
}

const text = (x: number, y: number, content: string, more = ''): string => `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${more}>${content}</text>`;
const line = (x1: number, y1: number, x2: number, y2: number, colour: string): string => `<line x1="${x1.toFixed(1)}" y1="${y1.toFixed(1)}" x2="${x2.toFixed(1)}" y2="${y2.toFixed(1)}" stroke="${colour}"/>`;

/** 0.01, 0.02, 0.05, 0.1, … within the values. */
function ticks(values: readonly number[]): number[] {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const decades = Array.from({ length: 8 }, (_, i) => 10 ** (i - 4));
  return decades.flatMap((decade) => [decade, 2 * decade, 5 * decade]).filter((tick) => tick >= 0.9 * low && tick <= 1.1 * high);
}

/** SVG text. */
export function growthFigure(points: readonly GrowthPoint[], title: string): string {
  const axes = [...new Set(points.map(({ axis }) => axis))];
  const seconds = points.flatMap((point) => [point.seconds, point.floorSeconds]);
  const y = scale(seconds, PANEL.top + PANEL.height, PANEL.top);
  const width = PANEL.left + axes.length * (PANEL.width + PANEL.gap);
  const height = PANEL.top + PANEL.height + 76;
  const gridLines = ticks(seconds).flatMap((tick) => [line(PANEL.left, y(tick), width - PANEL.gap, y(tick), '#e3e3e3'), text(PANEL.left - 8, y(tick) + 4, `${tick < 1 ? `${Number((1000 * tick).toPrecision(3))} ms` : `${tick} s`}`, 'text-anchor="end"')]);
  const panels = axes.flatMap((axis, i) => panel(axis, points.filter((point) => point.axis === axis), PANEL.left + i * (PANEL.width + PANEL.gap), y));
  const key = height - 12;
  const legend = [
    line(PANEL.left, key - 4, PANEL.left + 26, key - 4, MEASURED), `<circle cx="${PANEL.left + 13}" cy="${key - 4}" r="4" fill="${MEASURED}"/>`, text(PANEL.left + 34, key, 'measured'),
    `<line x1="${PANEL.left + 130}" y1="${key - 4}" x2="${PANEL.left + 156}" y2="${key - 4}" stroke="${FLOOR}" stroke-dasharray="5 3"/>`, text(PANEL.left + 164, key, 'arithmetic floor: multiply-adds at the best measured rate of products'),
  ];
  const style = '<style>text{font:12px "DejaVu Sans",Helvetica,Arial,sans-serif;fill:#222}.title{font-size:15px;font-weight:bold}</style>';
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">\n${style}\n<rect width="100%" height="100%" fill="#fff"/>\n${[text(PANEL.left, 24, title, 'class="title"'), ...gridLines, ...panels, ...legend].join('\n')}\n</svg>\n`;
}

function panel(axis: string, points: readonly GrowthPoint[], left: number, y: (value: number) => number): string[] {
  const bottom = PANEL.top + PANEL.height;
  const x = scale(points.map(({ value }) => value), left, left + PANEL.width);
  const path = (of: (point: GrowthPoint) => number): string => points.map((point) => `${x(point.value).toFixed(1)},${y(of(point)).toFixed(1)}`).join(' ');
  return [
    `<rect x="${left}" y="${PANEL.top}" width="${PANEL.width}" height="${PANEL.height}" fill="none" stroke="#999"/>`,
    text(left + PANEL.width / 2, bottom + 36, axis, 'text-anchor="middle"'),
    ...points.map(({ value }) => text(x(value), bottom + 17, String(value), 'text-anchor="middle"')),
    `<polyline points="${path(({ floorSeconds }) => floorSeconds)}" fill="none" stroke="${FLOOR}" stroke-dasharray="5 3" stroke-width="1.5"/>`,
    `<polyline points="${path(({ seconds }) => seconds)}" fill="none" stroke="${MEASURED}" stroke-width="1.5"/>`,
    ...points.map((point) => `<circle cx="${x(point.value).toFixed(1)}" cy="${y(point.seconds).toFixed(1)}" r="4" fill="${MEASURED}"/>`),
  ];
}
