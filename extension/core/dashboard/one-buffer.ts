/** Series made small for the way to the panel. */
import type { Series } from '../protocol/dashboard';

/** The same series with all their numbers in one buffer, arrays that they share once: VS Code hands each buffer of a message over by itself. Copies. */
export function inOneBuffer(series: readonly Series[]): Series[] {
  const arrays = new Set(series.flatMap(({ x, y, low, high }) => [x, y, ...(low && high ? [low, high] : [])]));
  const all = new Float64Array([...arrays].reduce((sum, { length }) => sum + length, 0));
  const places = new Map<Float64Array, Float64Array>();
  let end = 0;
  for (const array of arrays) {
    all.set(array, end);
    places.set(array, all.subarray(end, (end += array.length)));
  }
  const placed = (array: Float64Array): Float64Array => places.get(array)!;
  return series.map((line) => ({ ...line, x: placed(line.x), y: placed(line.y), ...(line.low && line.high && { low: placed(line.low), high: placed(line.high) }) }));
}
