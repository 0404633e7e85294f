/** A place for a chart that is made only once it comes into sight, and drawn only while it is. */
import { h } from '../dom';
import type { ChartHandle } from './frame';

/** Charts this close to the visible part are made already, so that scrolling shows no holes. */
const AHEAD = '200px';

export class ChartSlot<Data extends readonly unknown[]> {
  readonly element: HTMLElement;
  private readonly observer: IntersectionObserver;
  private chart: ChartHandle<Data> | undefined;
  private waiting: Data | undefined;
  private visible = false;

  /** @param height of the empty place, in pixels */
  constructor(private readonly make: (container: HTMLElement, ...data: Data) => ChartHandle<Data>, height = 250) {
    this.element = h('div', { class: 'chart-slot' });
    this.element.style.minHeight = `${height}px`;
    this.observer = new IntersectionObserver((entries) => {
      this.visible = entries.at(-1)!.isIntersecting;
      this.draw();
    }, { rootMargin: AHEAD });
    this.observer.observe(this.element);
  }

  update(...data: Data): void {
    this.waiting = data;
    this.draw();
  }

  destroy(): void {
    this.observer.disconnect();
    this.chart?.destroy();
    this.element.remove();
  }

  private draw(): void {
    if (!this.visible || !this.waiting) return;
    const data = this.waiting;
    this.waiting = undefined;
    if (this.chart) this.chart.update(...data);
    else this.chart = this.make(this.element, ...data);
  }
}
