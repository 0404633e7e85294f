/** Shapes and sizes as the editor writes them. */

/** `768 × 3 × 16 × 16`; of a tensor without dimensions `scalar`. */
export function shapeText(shape: readonly number[]): string {
  return shape.length === 0 ? 'scalar' : shape.join(' × ');
}

/** `1 tensor`, `142 tensors`. */
export function countText(count: number, thing: string): string {
  return `${count.toLocaleString('en-US')} ${thing}${count === 1 ? '' : 's'}`;
}
