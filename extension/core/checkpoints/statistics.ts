/** Statistics of values that come piece by piece. */
import type { HostTensor } from '../tensors';

export interface TensorStatistics {
  /** Of the finite values, as are max, mean and std; NaN where there are none. */
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  /** Of the population. */
  readonly std: number;
  readonly nan: number;
  readonly infinite: number;
}

/** One pass (Welford), so that large means do not drown small deviations. */
export class Statistics {
  private min = NaN;
  private max = NaN;
  private mean = 0;
  private squares = 0;
  private count = 0;
  private nan = 0;
  private infinite = 0;

  add(values: HostTensor['data']): void {
    let { min, max, mean, squares, count, nan, infinite } = this;
    for (const value of values) {
      if (Number.isNaN(value)) nan++;
      else if (!Number.isFinite(value)) infinite++;
      else {
        count++;
        const delta = value - mean;
        mean += delta / count;
        squares += delta * (value - mean);
        // Written so that the NaN of the beginning gives way.
        if (!(value >= min)) min = value;
        if (!(value <= max)) max = value;
      }
    }
    Object.assign(this, { min, max, mean, squares, count, nan, infinite });
  }

  result(): TensorStatistics {
    const { min, max, mean, squares, count, nan, infinite } = this;
    return { min, max, mean: count > 0 ? mean : NaN, std: count > 0 ? Math.sqrt(squares / count) : NaN, nan, infinite };
  }
}
