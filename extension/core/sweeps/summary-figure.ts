/** The results of a sweep as a picture: accuracy against the first swept number, seeds as points, means with their intervals. */
import type { Scalar } from '../protocol/dashboard';
import { significant } from '../text/format';
import type { SummaryRow, SweepSummary } from './summary';

const WIDTH = 860;
const HEIGHT = 484;
const PLOT = { left: 74, right: 560, top: 44, bottom: 372 };
/** Where what is not done is marked, below the axis of accuracies. */
const OPEN_Y = PLOT.bottom - 12;
/** Okabe and Ito (2008): told apart by everybody. */
const COLOURS = ['#0072B2', '#D55E00', '#009E73', '#CC79A7', '#56B4E9', '#E69F00', '#000000'];
/** From such a ratio of the largest to the smallest value on, the axis is logarithmic. */
const LOG_RATIO = 30;

interface Axis {
  /** Index of the key with numbers; absent where configurations stand side by side. */
  readonly key?: number;
  readonly label: string;
  readonly ticks: readonly { readonly at: number; readonly text: string }[];
  position(row: SummaryRow): number;
}

interface Series {
  readonly name: string;
  readonly colour: string;
  readonly rows: readonly SummaryRow[];
}

/** SVG text. The protocol is the first that there is. */
export function summaryFigure(summary: SweepSummary): string {
  const protocol = summary.protocols[0];
  const x = xAxis(summary);
  const series = seriesOf(summary, x);
  const y = yScale(summary, protocol);
  const parts = [
    text(PLOT.left, 24, summary.name, 'class="title"'),
    ...yParts(y, protocol),
    ...xParts(x),
    ...baselineParts(summary, protocol, y),
    ...series.flatMap((one, index) => seriesParts(one, protocol, x, y, (index - (series.length - 1) / 2) * 7)),
    ...legendParts(summary, series),
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}">\n<style>text{font:12px "DejaVu Sans",Helvetica,Arial,sans-serif;fill:#222}.title{font-size:15px;font-weight:bold}</style>\n<rect width="100%" height="100%" fill="#fff"/>\n${parts.join('\n')}\n</svg>\n`;
}

/** The first key with numbers along which configurations differ and in nothing else; without one, a place for each configuration. */
function xAxis({ keys, rows }: SweepSummary): Axis {
  const key = keys.findIndex((_, index) => rows.every(({ values }) => typeof values[index] === 'number') && variesAlone(rows, index));
  if (key < 0) {
    const place = (index: number): number => spread((index + 0.5) / rows.length);
    return { label: '', ticks: rows.map((row, index) => ({ at: place(index), text: shortened(recipeName(row)) })), position: (row) => place(rows.indexOf(row)) };
  }
  const numbers = [...new Set(rows.map(({ values }) => Number(values[key])))].sort((a, b) => a - b);
  const [low, high] = [numbers[0]!, numbers.at(-1)!];
  const scale = low > 0 && high / low >= LOG_RATIO ? Math.log : (value: number): number => value;
  const place = (value: number): number => spread(0.06 + (0.88 * (scale(value) - scale(low))) / (scale(high) - scale(low)));
  return { key, label: keys[key]!, ticks: apart(numbers.map((value) => ({ at: place(value), text: significant(value) }))), position: ({ values }) => place(Number(values[key])) };
}

/** Whether some configurations differ in the key `index` alone: otherwise it goes along with others, as epochs with what a recipe costs. */
function variesAlone(rows: readonly SummaryRow[], index: number): boolean {
  const others = rows.map(({ values }) => JSON.stringify(values.filter((_, i) => i !== index)));
  return new Set(others).size < rows.length;
}

/** Words of what the sweep gives the configuration; numbers and paths say little beside them, unless there is nothing else. */
function recipeName({ values, given }: SummaryRow): string {
  const told = values.filter((_, index) => given[index]);
  const words = told.filter((value) => typeof value === 'string' && !value.includes('/'));
  return (words.length > 0 ? words : told).map(String).join(' ');
}

/** Ticks whose texts do not overlap. */
function apart<Tick extends { readonly at: number; readonly text: string }>(ticks: readonly Tick[]): Tick[] {
  const kept: Tick[] = [];
  for (const tick of ticks) {
    const last = kept.at(-1);
    if (last === undefined || tick.at - last.at > 4 * (tick.text.length + last.text.length) + 4) kept.push(tick);
  }
  return kept;
}

/** Rows that differ in nothing but the axis. */
function seriesOf({ keys, rows }: SweepSummary, { key }: Axis): Series[] {
  const others = keys.map((_, index) => index).filter((index) => key !== undefined && index !== key);
  const groups = new Map<string, SummaryRow[]>();
  for (const row of rows) {
    const name = others.map((index) => labelled(keys[index]!, row.values[index]!)).join(', ');
    groups.set(name, [...(groups.get(name) ?? []), row]);
  }
  return [...groups].map(([name, own], index) => ({ name, colour: COLOURS[index % COLOURS.length]!, rows: own }));
}

function labelled(key: string, value: Scalar): string {
  return typeof value === 'string' ? value : `${key.split('.').at(-1)} ${typeof value === 'number' ? significant(value) : String(value)}`;
}

interface YScale {
  readonly ticks: readonly number[];
  at(value: number): number;
}

/** Over everything that is drawn, in steps a person counts by. */
function yScale({ rows, baselines }: SweepSummary, protocol: string | undefined): YScale {
  const probes = rows.flatMap(({ probes: all }) => (protocol === undefined ? [] : (all[protocol] ?? [])));
  const values = [...probes.flatMap(({ mean, interval, seeds }) => [mean, ...(interval ?? []), ...seeds.map(({ top1 }) => top1)]), ...Object.values((protocol === undefined ? undefined : baselines[protocol]) ?? {})];
  const [low, high] = values.length === 0 ? [0, 1] : [Math.max(0, Math.min(...values)), Math.min(1, Math.max(...values))];
  const step = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2].find((size) => (high - low) / size <= 6) ?? 0.25;
  const bottom = Math.floor(low / step) * step;
  const top = Math.max(bottom + step, Math.ceil(high / step) * step);
  const height = OPEN_Y - 18 - PLOT.top;
  const ticks = Array.from({ length: Math.round((top - bottom) / step) + 1 }, (_, i) => bottom + i * step);
  return { ticks, at: (value) => OPEN_Y - 18 - (height * (Math.min(top, Math.max(bottom, value)) - bottom)) / (top - bottom) };
}

function yParts({ ticks, at }: YScale, protocol: string | undefined): string[] {
  const decimals = ticks.length > 1 && ticks[1]! - ticks[0]! < 0.01 ? 1 : 0;
  return [
    ...ticks.flatMap((value) => [line(PLOT.left, at(value), PLOT.right, at(value), '#e4e4e4'), text(PLOT.left - 8, at(value) + 4, (100 * value).toFixed(decimals), 'text-anchor="end"')]),
    `<text transform="translate(20 ${(PLOT.top + PLOT.bottom) / 2}) rotate(-90)" text-anchor="middle">${escapeXml(protocol === undefined ? 'no probe yet' : `${protocol}, top-1 in %`)}</text>`,
  ];
}

/** Names of configurations lean, so that there is room for them. */
function xParts({ key, label, ticks }: Axis): string[] {
  const tickText = (at: number, tick: string): string =>
    key === undefined ? `<text transform="translate(${round(at + 4)} ${PLOT.bottom + 16}) rotate(-28)" text-anchor="end">${escapeXml(tick)}</text>` : text(at, PLOT.bottom + 20, tick, 'text-anchor="middle"');
  return [
    line(PLOT.left, PLOT.bottom, PLOT.right, PLOT.bottom, '#222'),
    ...ticks.flatMap(({ at, text: tick }) => [line(at, PLOT.bottom, at, PLOT.bottom + 5, '#222'), tickText(at, tick)]),
    text((PLOT.left + PLOT.right) / 2, PLOT.bottom + 46, label, 'text-anchor="middle"'),
  ];
}

function baselineParts({ baselines }: SweepSummary, protocol: string | undefined, y: YScale): string[] {
  return Object.entries((protocol === undefined ? undefined : baselines[protocol]) ?? {}).flatMap(([name, value]) => [
    line(PLOT.left, y.at(value), PLOT.right, y.at(value), '#555', name === 'teacher' ? 'stroke-dasharray="7 4" stroke-width="1.5"' : 'stroke-dasharray="2 4" stroke-width="1.5"'),
    text(PLOT.right + 6, y.at(value) + 4, `${name} ${(100 * value).toFixed(1)}`),
  ]);
}

/** Those of several series stand beside each other. */
function seriesParts({ rows, colour }: Series, protocol: string | undefined, x: Axis, y: YScale, shift: number): string[] {
  const drawn = rows.map((row) => ({ row, at: x.position(row) + shift, probe: protocol === undefined ? undefined : row.probes[protocol] }));
  const path = drawn.flatMap(({ at, probe }) => (probe ? [`${round(at)},${round(y.at(probe.mean))}`] : []));
  return [
    ...(path.length > 1 && x.key !== undefined ? [`<polyline points="${path.join(' ')}" fill="none" stroke="${colour}" stroke-width="1.5" stroke-opacity="0.6"/>`] : []),
    ...drawn.flatMap(({ row, at, probe }) => [
      ...(probe?.interval ? [line(at, y.at(probe.interval[0]), at, y.at(probe.interval[1]), colour, 'stroke-width="2"')] : []),
      ...(probe ? [`<circle cx="${round(at)}" cy="${round(y.at(probe.mean))}" r="4.5" fill="${colour}"/>`] : []),
      // Above the mean, which would hide them.
      ...(probe && probe.seeds.length > 1 ? probe.seeds.map(({ top1 }) => `<circle cx="${round(at)}" cy="${round(y.at(top1))}" r="2.5" fill="#fff" stroke="${colour}" stroke-width="1.2"/>`) : []),
      ...openParts(row, at, colour),
    ]),
  ];
}

/** A letterless mark for each state: a cross failed, a triangle was left behind, a ring is not there yet. */
function openParts({ open }: SummaryRow, at: number, colour: string): string[] {
  const marks = [...(open.failed ? [cross(at, OPEN_Y, colour)] : []), ...(open.dropped ? [triangle(at, OPEN_Y, colour)] : []), ...(isUnfinished(open) ? [ring(at, OPEN_Y, colour)] : [])];
  return marks.map((mark, index) => `<g transform="translate(0 ${-index * 11})">${mark}</g>`);
}

function isUnfinished({ missing = 0, running = 0, paused = 0, stopped = 0, lost = 0 }: SummaryRow['open']): boolean {
  return missing + running + paused + stopped + lost > 0;
}

function legendParts({ rows }: SweepSummary, series: readonly Series[]): string[] {
  const left = PLOT.right + 116;
  const marks: [string, string][] = [
    ...(rows.some(({ open }) => open.failed) ? [[cross(0, 0, '#222'), 'failed'] as [string, string]] : []),
    ...(rows.some(({ open }) => open.dropped) ? [[triangle(0, 0, '#222'), 'left behind'] as [string, string]] : []),
    ...(rows.some(({ open }) => isUnfinished(open)) ? [[ring(0, 0, '#222'), 'not done'] as [string, string]] : []),
  ];
  const names = series.length > 1 ? series.map(({ name, colour }): [string, string] => [`<circle r="4.5" fill="${colour}"/>`, shortened(name)]) : [];
  return [...names, ...marks].map(([mark, name], index) => `<g transform="translate(${left} ${PLOT.bottom - 14 - 18 * index})">${mark}<text x="10" y="4">${escapeXml(name)}</text></g>`);
}

function cross(x: number, y: number, colour: string): string {
  return `<path d="M${round(x - 4)} ${round(y - 4)}l8 8m0 -8l-8 8" stroke="${colour}" stroke-width="2" fill="none"/>`;
}

function triangle(x: number, y: number, colour: string): string {
  return `<path d="M${round(x - 5)} ${round(y - 4)}h10l-5 8z" stroke="${colour}" stroke-width="1.5" fill="none"/>`;
}

function ring(x: number, y: number, colour: string): string {
  return `<circle cx="${round(x)}" cy="${round(y)}" r="4" fill="none" stroke="${colour}" stroke-width="1.5" stroke-dasharray="2 2"/>`;
}

function line(x1: number, y1: number, x2: number, y2: number, colour: string, more = ''): string {
  return `<line x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}" stroke="${colour}" ${more}/>`;
}

function text(x: number, y: number, content: string, more = ''): string {
  return `<text x="${round(x)}" y="${round(y)}" ${more}>${escapeXml(content)}</text>`;
}

function spread(share: number): number {
  return PLOT.left + share * (PLOT.right - PLOT.left);
}

function shortened(name: string): string {
  return name.length > 28 ? `${name.slice(0, 27)}…` : name;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escapeXml(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
