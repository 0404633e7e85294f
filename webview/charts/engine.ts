/** Chart.js and its plugins, registered once, and what all charts have in common. */
import {
  BarController, BarElement, CategoryScale, Chart, Filler, LinearScale, LineController, LineElement, LogarithmicScale,
  PointElement, registry, ScatterController, Tooltip,
} from 'chart.js';
import { PointWithErrorBar, ScatterWithErrorBarsController } from 'chartjs-chart-error-bars';
import { MatrixController, MatrixElement } from 'chartjs-chart-matrix';
import { LinearAxis, LineSegment, ParallelCoordinatesController, PCPScale } from 'chartjs-chart-pcp';
import annotation from 'chartjs-plugin-annotation';
import zoom from 'chartjs-plugin-zoom';
import type { ChartTheme } from './theme';

Chart.register(
  BarController, BarElement, CategoryScale, Filler, LinearScale, LineController, LineElement, LogarithmicScale, PointElement,
  ScatterController, Tooltip, PointWithErrorBar, ScatterWithErrorBarsController, MatrixController, MatrixElement,
  LineSegment, ParallelCoordinatesController, PCPScale, annotation, zoom,
);
// The axis extends a scale but is drawn as an element, which `register` cannot know.
registry.addElements(LinearAxis);

export { Chart };

/** Options every chart starts from: nothing moves by itself, data arrives as it is drawn. */
export const STILL = {
  responsive: true,
  maintainAspectRatio: false,
  animation: false,
  normalized: true,
} as const;

export interface AxisLook {
  readonly title?: string;
  readonly grid?: boolean;
  readonly format?: (value: number) => string;
  readonly maxTicks?: number;
}

/** The part of a scale's options that follows the theme. */
export function axisLook(theme: ChartTheme, look: AxisLook) {
  const format = look.format;
  return {
    title: { display: look.title !== undefined, text: look.title ?? '', color: theme.faint, font: { family: theme.font, size: 11 }, padding: 2 },
    border: { color: theme.grid },
    grid: { color: theme.grid, display: look.grid ?? true, lineWidth: 0.5, tickLength: 4 },
    ticks: {
      color: theme.faint,
      font: { family: theme.font, size: 11 },
      maxTicksLimit: look.maxTicks ?? 6,
      maxRotation: 0,
      autoSkipPadding: 10,
      ...(format && { callback: (value: string | number) => format(Number(value)) }),
    },
  };
}

export function tooltipLook(theme: ChartTheme) {
  return {
    backgroundColor: theme.background,
    titleColor: theme.text,
    bodyColor: theme.text,
    borderColor: theme.text,
    borderWidth: 1,
    displayColors: false,
    titleFont: { family: theme.font, size: 12 },
    bodyFont: { family: theme.font, size: 12 },
  };
}

const opaque = new Map<string, string>();

/** A colour of the theme with another opacity; colours a canvas does not understand come back as they are. */
export function translucent(color: string, opacity: number): string {
  const plain = opaque.get(color) ?? asHex(color);
  opaque.set(color, plain);
  return /^#[0-9a-f]{6}$/i.test(plain) ? plain + Math.round(opacity * 255).toString(16).padStart(2, '0') : plain;
}

/** A canvas reads any colour of CSS; a new one for each curve would cost as much as drawing it. */
function asHex(color: string): string {
  const context = document.createElement('canvas').getContext('2d')!;
  context.fillStyle = color;
  return String(context.fillStyle);
}
