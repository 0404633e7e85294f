/** The axes that a kernel runs over: as few as say the same places. */
import type { Expression, Load, View } from './expression';
import { loadsOf } from './expression';

/** An axis, and how far each pointer moves along it, in elements. */
export interface Axis {
  readonly size: number;
  readonly strides: readonly number[];
}

export function placesOf(axes: readonly Pick<Axis, 'size'>[]): number {
  return axes.reduce((product, { size }) => product * size, 1);
}

/** Everything that a kernel reads or writes by coordinates, each once, in the order of the kernel's arguments. */
export class Pointers {
  readonly all: View[] = [];
  private readonly places = new Map<string, number>();

  /** The number of a view's pointer. */
  of(view: View): number {
    const key = `${view.root},${view.offset},${view.strides.join(',')}`;
    const known = this.places.get(key);
    if (known !== undefined) return known;
    this.places.set(key, this.all.length);
    return this.all.push(view) - 1;
  }

  addLoads(expressions: readonly Expression[]): readonly Load[] {
    const loads = loadsOf(expressions);
    for (const load of loads) this.of(load);
    return loads;
  }

  /** Axes of these, outermost first, merged where every pointer moves on evenly; those of one element vanish. */
  axes(shape: readonly number[], which: readonly number[] = shape.map((_, axis) => axis)): Axis[] {
    const axes: Axis[] = [];
    for (const axis of which) {
      if (shape[axis] === 1) continue;
      const own: Axis = { size: shape[axis]!, strides: this.all.map(({ strides }) => strides[axis]!) };
      const before = axes.at(-1);
      if (before?.strides.every((stride, i) => stride === own.strides[i]! * own.size)) axes[axes.length - 1] = { size: before.size * own.size, strides: own.strides };
      else axes.push(own);
    }
    return axes;
  }
}
