/**
 * BEiT's block-wise masking (Bao et al. 2022, Algorithm 1): rectangles of random area and aspect are hidden until there
 * are enough. The official sampler may end with a few patches too few; here the rest is hidden one by one beside what is
 * hidden already, because a batch needs the same number in every image.
 */
import type { RandomStream } from '../random';
import { drawnMasking, visibleFirst } from './drawn';
import type { MaskingStrategy } from './strategy';

/** The smallest rectangle has 16 of 196 patches, and the same share of other grids. */
const SMALLEST_SHARE = 16 / 196;
const LOG_ASPECT = Math.log(1 / 0.3);
/** Rectangles tried before the sampler gives up on finding one that fits. */
const TRIES = 10;

export function blockMasking(grid: number, keep: number): MaskingStrategy {
  const patchCount = grid * grid;
  return drawnMasking('block', patchCount, keep, (random) => visibleFirst(drawBlocks(random, grid, patchCount - keep), patchCount));
}

function drawBlocks(random: RandomStream, grid: number, count: number): Set<number> {
  const hidden = new Set<number>();
  const smallest = Math.max(1, Math.round(SMALLEST_SHARE * grid * grid));
  while (hidden.size < count && hideRectangle(random, grid, hidden, count - hidden.size, smallest));
  while (hidden.size < count) hidden.add(drawNeighbour(random, grid, hidden));
  return hidden;
}

/** Hides a rectangle that adds at least one and at most `left` patches; false if none of the tries did. */
function hideRectangle(random: RandomStream, grid: number, hidden: Set<number>, left: number, smallest: number): boolean {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const area = smallest + random.uniform() * (left - smallest);
    const aspect = Math.exp((2 * random.uniform() - 1) * LOG_ASPECT);
    const height = Math.round(Math.sqrt(area * aspect));
    const width = Math.round(Math.sqrt(area / aspect));
    if (height >= grid || width >= grid || height * width === 0) continue;
    const top = random.integer(grid - height + 1);
    const start = random.integer(grid - width + 1);
    const added = rectangle(grid, top, start, height, width).filter((patch) => !hidden.has(patch));
    if (added.length === 0 || added.length > left) continue;
    for (const patch of added) hidden.add(patch);
    return true;
  }
  return false;
}

function rectangle(grid: number, top: number, start: number, height: number, width: number): number[] {
  return Array.from({ length: height * width }, (_, i) => (top + Math.floor(i / width)) * grid + start + (i % width));
}

/** A visible patch beside a hidden one; any patch while nothing is hidden. */
function drawNeighbour(random: RandomStream, grid: number, hidden: ReadonlySet<number>): number {
  if (hidden.size === 0) return random.integer(grid * grid);
  const beside = [...hidden].flatMap((patch) => neighbours(grid, patch)).filter((patch) => !hidden.has(patch));
  return beside[random.integer(beside.length)]!;
}

function neighbours(grid: number, patch: number): number[] {
  const [row, column] = [Math.floor(patch / grid), patch % grid];
  return [
    ...(row > 0 ? [patch - grid] : []),
    ...(row < grid - 1 ? [patch + grid] : []),
    ...(column > 0 ? [patch - 1] : []),
    ...(column < grid - 1 ? [patch + 1] : []),
  ];
}
