/** What is in a weight file: every tensor with its shape, and on demand the statistics that show a sick one. */
import { openTensors } from '../core/checkpoints/open-tensors';
import { elementCount, type HostTensor } from '../core/tensors';

export interface TensorStatistics {
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly std: number;
  /** NaN and ±∞; the other statistics leave them out. */
  readonly notFinite: number;
}

export interface ListedTensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly statistics?: TensorStatistics;
}

export interface TensorListing {
  readonly file: string;
  readonly format: 'safetensors' | 'pytorch';
  readonly metadata: Readonly<Record<string, string>>;
  /** Elements of all tensors together. */
  readonly elements: number;
  readonly tensors: readonly ListedTensor[];
}

/** Tensors are read one at a time, and only for statistics. */
export async function listTensors(file: string, options: { statistics: boolean }): Promise<TensorListing> {
  const source = await openTensors(file);
  try {
    const tensors: ListedTensor[] = [];
    for (const [name, { dtype, shape }] of source.entries) {
      tensors.push({ name, dtype, shape, ...(options.statistics ? { statistics: statisticsOf(await source.read(name)) } : {}) });
    }
    const elements = tensors.reduce((sum, { shape }) => sum + elementCount(shape), 0);
    return { file, format: source.kind, metadata: source.metadata, elements, tensors };
  } finally {
    await source.close();
  }
}

export function statisticsOf({ data }: HostTensor): TensorStatistics {
  let min = Infinity;
  let max = -Infinity;
  let sum = 0;
  let notFinite = 0;
  for (const value of data) {
    if (!Number.isFinite(value)) {
      notFinite++;
      continue;
    }
    if (value < min) min = value;
    if (value > max) max = value;
    sum += value;
  }
  const count = data.length - notFinite;
  const mean = sum / count;
  let squares = 0;
  for (const value of data) if (Number.isFinite(value)) squares += (value - mean) ** 2;
  return { min, max, mean, std: Math.sqrt(squares / count), notFinite };
}
