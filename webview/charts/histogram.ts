/** How values are spread: bars over bins. */
import type { ChartConfiguration, Point } from 'chart.js';
import { axisLook, Chart, STILL, tooltipLook } from './engine';
import { composePng, Frame, type ChartHandle } from './frame';
import { formatNumber } from './numbers';
import { onThemeChange, readTheme } from './theme';

/** `counts[i]` values lie in [edges[i], edges[i + 1]); one edge more than counts. */
export interface Histogram {
  readonly edges: readonly number[];
  readonly counts: readonly number[];
}

export type HistogramChart = ChartHandle<[histogram: Histogram, label?: string]>;

export function histogramChart(container: HTMLElement, histogram: Histogram, label: string): HistogramChart {
  let shown = { histogram, label };
  const toPng = (): string => composePng(frame.canvas, shown.label);
  const frame: Frame = new Frame(container, { title: label, label: `Histogram: ${label}`, height: 160 }, toPng);
  const chart = new Chart(frame.canvas, configuration(histogram));
  const draw = () => {
    const { data, options } = configuration(shown.histogram);
    frame.describe({ title: shown.label, label: `Histogram: ${shown.label}`, height: 160 });
    frame.setTable(() => ({ columns: ['from', 'to', 'count'], rows: bins(shown.histogram).map(({ from, to, count }) => [from, to, count].map(formatNumber)) }));
    chart.data.datasets = data.datasets;
    chart.options = options!;
    chart.update('none');
  };
  const stopTheme = onThemeChange(draw);
  draw();
  return {
    update: (next, name = shown.label) => {
      shown = { histogram: next, label: name };
      draw();
    },
    destroy: () => {
      stopTheme();
      chart.destroy();
      frame.remove();
    },
    toPng,
  };
}

function bins({ edges, counts }: Histogram) {
  return counts.map((count, i) => ({ from: edges[i]!, to: edges[i + 1]!, count }));
}

function configuration(histogram: Histogram): ChartConfiguration<'bar', Point[]> {
  const theme = readTheme();
  const all = bins(histogram);
  return {
    type: 'bar',
    data: {
      datasets: [{
        data: all.map(({ from, to, count }) => ({ x: (from + to) / 2, y: count })),
        parsing: false,
        backgroundColor: theme.series[0]!,
        barThickness: 'flex',
        barPercentage: 0.96,
        categoryPercentage: 1,
      }],
    },
    options: {
      ...STILL,
      scales: {
        x: { ...axisLook(theme, { grid: false, format: formatNumber }), type: 'linear', offset: false, min: histogram.edges[0] ?? 0, max: histogram.edges.at(-1) ?? 1 },
        y: { ...axisLook(theme, { format: formatNumber, maxTicks: 4 }), beginAtZero: true },
      },
      plugins: {
        tooltip: {
          ...tooltipLook(theme),
          callbacks: {
            title: () => '',
            label: ({ dataIndex }) => {
              const { from, to, count } = all[dataIndex]!;
              return `${formatNumber(from)} to ${formatNumber(to)}: ${formatNumber(count)}`;
            },
          },
        },
      },
    },
  };
}
