/** A matrix as coloured cells. */
import type { ChartConfiguration } from 'chart.js';
import type { Matrix } from '../../extension/core/protocol/dashboard';
import { h } from '../dom';
import { colorScale, type ColorScale } from './color-scale';
import { axisLook, Chart, STILL, tooltipLook, translucent } from './engine';
import { composePng, Frame, type ChartHandle, type FrameOptions } from './frame';
import { formatNumber } from './numbers';
import { onThemeChange, readTheme } from './theme';

export interface HeatMapOptions extends FrameOptions {
  readonly xLabel?: string;
  readonly yLabel?: string;
  /** Values have a sign: colours from blue over grey (zero) to orange. */
  readonly signed?: boolean;
  /** Fixes the colours across several maps or over time; else the matrix's own extent. */
  readonly domain?: readonly [number, number];
  /** The user clicked a cell, or pressed Enter on it. */
  readonly onPick?: (row: number, column: number) => void;
}

export type HeatMapChart = ChartHandle<[matrix: Matrix, options: HeatMapOptions]>;

export function heatMapChart(container: HTMLElement, matrix: Matrix, options: HeatMapOptions): HeatMapChart {
  return new HeatMap(container, matrix, options);
}

type Cell = { readonly x: number; readonly y: number; readonly v: number };
type Configuration = ChartConfiguration<'matrix', Cell[]>;

class HeatMap implements HeatMapChart {
  private readonly frame: Frame;
  private readonly chart: Chart<'matrix', Cell[]>;
  private readonly outline = h('div', { class: 'chart-cell', hidden: true });
  private readonly scaleBar = h('i', {});
  private readonly scaleEnds = [h('span', {}), h('span', {})] as const;
  private readonly stopTheme: () => void;
  private cell: { row: number; column: number } | undefined;

  constructor(container: HTMLElement, private matrix: Matrix, private options: HeatMapOptions) {
    this.frame = new Frame(container, options, () => this.toPng());
    this.frame.plot.append(this.outline);
    this.frame.foot.append(h('div', { class: 'chart-scale' }, this.scaleEnds[0], this.scaleBar, this.scaleEnds[1]));
    this.chart = new Chart(this.frame.canvas, this.configuration(this.scale()));
    this.stopTheme = onThemeChange(() => this.draw());
    this.frame.canvas.addEventListener('keydown', (event) => this.key(event));
    this.frame.canvas.addEventListener('blur', () => (this.outline.hidden = true));
    this.draw();
  }

  update(matrix: Matrix, options: HeatMapOptions): void {
    this.matrix = matrix;
    this.options = options;
    this.draw();
  }

  destroy(): void {
    this.stopTheme();
    this.chart.destroy();
    this.frame.remove();
  }

  toPng(): string {
    return composePng(this.chart.canvas, this.options.title);
  }

  private scale(): ColorScale {
    return colorScale(this.options.domain ?? this.matrix.values.flat(), this.options.signed ?? false);
  }

  private draw(): void {
    const scale = this.scale();
    this.frame.describe(this.options);
    this.frame.setTable(() => ({
      columns: ['', ...this.matrix.columns],
      rows: this.matrix.rows.map((name, row) => [name, ...(this.matrix.values[row] ?? []).map(formatNumber)]),
    }));
    this.scaleEnds[0].textContent = formatNumber(scale.min);
    this.scaleEnds[1].textContent = formatNumber(scale.max);
    this.scaleBar.style.background = scale.gradient;
    const { data, options } = this.configuration(scale);
    this.chart.data.datasets = data.datasets;
    this.chart.options = options!;
    this.chart.update('none');
    this.placeOutline();
  }

  private configuration(scale: ColorScale): Configuration {
    const theme = readTheme();
    const { rows, columns } = this.matrix;
    const none = translucent(theme.faint, 0.15);
    const axis = (names: readonly string[], title: string | undefined) => ({
      ...axisLook(theme, { ...(title !== undefined && { title }), grid: false, maxTicks: 13, format: (value) => names[value] ?? '' }),
      type: 'linear' as const,
      // The matrix plugin would leave half a cell free at each end.
      offset: false,
      min: -0.5,
      max: names.length - 0.5,
      // Ticks stand on whole cells, thinned where they would touch.
      afterBuildTicks: (built: { ticks: { value: number }[] }) => (built.ticks = names.map((_, value) => ({ value }))),
    });
    return {
      type: 'matrix',
      data: {
        datasets: [{
          data: this.cells(),
          parsing: false,
          width: ({ chart }) => Math.max(1, (chart.chartArea?.width ?? 0) / Math.max(1, columns.length) + 0.5),
          height: ({ chart }) => Math.max(1, (chart.chartArea?.height ?? 0) / Math.max(1, rows.length) + 0.5),
          backgroundColor: ({ raw }) => (raw && !Number.isNaN((raw as Cell).v) ? scale.color((raw as Cell).v) : none),
          borderWidth: 0,
        }],
      },
      options: {
        ...STILL,
        onClick: (_event, elements) => {
          const hit = elements[0] && this.cells()[elements[0].index];
          if (hit) this.options.onPick?.(hit.y, hit.x);
        },
        scales: { x: axis(columns, this.options.xLabel), y: { ...axis(rows, this.options.yLabel), reverse: true } },
        plugins: {
          tooltip: { ...tooltipLook(theme), callbacks: { title: () => '', label: ({ raw }) => this.cellText((raw as Cell).y, (raw as Cell).x) } },
        },
      },
    };
  }

  private cells(): Cell[] {
    return this.matrix.values.flatMap((values, y) => values.map((v, x) => ({ x, y, v: v ?? Number.NaN })));
  }

  private cellText(row: number, column: number): string {
    const name = (label: string | undefined, value: string | undefined) => [label, value].filter(Boolean).join(' ');
    return `${name(this.options.yLabel, this.matrix.rows[row])}, ${name(this.options.xLabel, this.matrix.columns[column])}: ${formatNumber(this.matrix.values[row]?.[column])}`;
  }

  private key(event: KeyboardEvent): void {
    const steps: Readonly<Record<string, readonly [number, number]>> = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    const step = steps[event.key];
    if (step) {
      const limit = (value: number, count: number) => Math.min(count - 1, Math.max(0, value));
      const from = this.cell;
      this.cell = from
        ? { row: limit(from.row + step[0], this.matrix.rows.length), column: limit(from.column + step[1], this.matrix.columns.length) }
        : { row: 0, column: 0 };
      this.frame.say(this.cellText(this.cell.row, this.cell.column));
      this.placeOutline();
    } else if (event.key === 'Enter' && this.cell) this.options.onPick?.(this.cell.row, this.cell.column);
    else return;
    event.preventDefault();
  }

  private placeOutline(): void {
    const { cell } = this;
    this.outline.hidden = cell === undefined || document.activeElement !== this.chart.canvas;
    if (!cell) return;
    const { x, y } = this.chart.scales;
    const [left, right] = [x!.getPixelForValue(cell.column - 0.5), x!.getPixelForValue(cell.column + 0.5)];
    const [top, bottom] = [y!.getPixelForValue(cell.row - 0.5), y!.getPixelForValue(cell.row + 0.5)];
    this.outline.style.transform = `translate(${left}px, ${top}px)`;
    this.outline.style.width = `${right - left}px`;
    this.outline.style.height = `${bottom - top}px`;
  }
}
