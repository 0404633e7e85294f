/** Charts side by side, kept by name from one drawing to the next. */
import type { ChartSlot } from '../../charts/slot';
import { h } from '../../dom';

export class SlotGrid {
  readonly element = h('div', { class: 'charts' });
  private readonly slots = new Map<string, { destroy(): void; readonly element: HTMLElement }>();
  private seen = new Set<string>();

  start(): void {
    this.seen = new Set();
  }

  /** The slot of that name, made where there is none. A name must always stand for the same kind of chart. */
  place<Data extends readonly unknown[]>(name: string, make: () => ChartSlot<Data>): ChartSlot<Data> {
    let slot = this.slots.get(name) as ChartSlot<Data> | undefined;
    if (!slot) this.slots.set(name, (slot = make()));
    const next = this.element.children[this.seen.size] ?? null;
    if (next !== slot.element) this.element.insertBefore(slot.element, next);
    this.seen.add(name);
    return slot;
  }

  /** Takes away what was not placed since `start`. */
  end(): void {
    for (const [name, slot] of this.slots) {
      if (this.seen.has(name)) continue;
      slot.destroy();
      this.slots.delete(name);
    }
  }

  destroy(): void {
    this.start();
    this.end();
  }
}
