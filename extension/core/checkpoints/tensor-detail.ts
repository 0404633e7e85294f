/** What one tensor's values are like: statistics and a histogram, in two passes over ranges of the file. */
import type { TensorDetail } from '../protocol/checkpoint';
import type { HostTensor } from '../tensors';
import { Statistics } from './statistics';
import { tensorChunks, type TensorFile } from './tensor-chunks';

export const BINS = 64;

/**
 * The second pass is needed for the histogram, whose edges are known only after the first.
 * @throws UserError as tensorChunks does; the signal's reason.
 */
export async function tensorDetail(file: TensorFile, name: string, signal?: AbortSignal): Promise<TensorDetail> {
  const statistics = new Statistics();
  for await (const values of tensorChunks(file, name, signal)) statistics.add(values);
  const { min, max, mean, std, nan, infinite } = statistics.result();

  const isWhole = /^(BOOL|[IU]\d+)$/.test(file.header.tensors.get(name)!.dtype);
  const edges = binEdges(min, max, isWhole);
  const counts = new Array<number>(Math.max(0, edges.length - 1)).fill(0);
  if (counts.length > 0) for await (const values of tensorChunks(file, name, signal)) countInto(counts, edges, values);
  return { name, min: finite(min), max: finite(max), mean: finite(mean), std: finite(std), nan, infinite, histogram: { edges, counts } };
}

/** Ascending, one more than bins; empty where no value is finite. Few whole numbers get a bin each. */
export function binEdges(min: number, max: number, isWhole: boolean): number[] {
  if (!Number.isFinite(min)) return [];
  const bins = isWhole && max - min < BINS ? max - min + 1 : BINS;
  const [from, to] = isWhole && bins < BINS ? [min - 0.5, max + 0.5] : widened(min, max);
  return Array.from({ length: bins + 1 }, (_, i) => (i === bins ? to : from + ((to - from) * i) / bins));
}

/** A constant tensor has no extent; its one value is put in the middle of one. */
function widened(min: number, max: number): [number, number] {
  if (max > min) return [min, max];
  const half = Math.abs(min) / 2 || 0.5;
  return [min - half, max + half];
}

function countInto(counts: number[], edges: readonly number[], values: HostTensor['data']): void {
  const from = edges[0]!;
  const perUnit = counts.length / (edges.at(-1)! - from);
  const last = counts.length - 1;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (!Number.isFinite(value)) continue;
    const bin = Math.floor((value - from) * perUnit);
    // Rounding may carry a value at an edge beyond it, and a file that is written meanwhile any value.
    counts[bin < 0 ? 0 : bin > last ? last : bin]!++;
  }
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
