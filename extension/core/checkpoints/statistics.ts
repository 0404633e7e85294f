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

/**
 * Each piece's sum of squares is taken about its own mean and joined with those before (Chan, Golub and LeVeque, 1979), so
 * that large means do not drown small deviations.
 */
export class Statistics {
  private min = NaN;
  private max = NaN;
  private mean = 0;
  private squares = 0;
  private count = 0;
  private nan = 0;
  private infinite = 0;

  add(values: HostTensor['data']): void {
    let [min, max, sum, nan, infinite] = [Infinity, -Infinity, 0, 0, 0];
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      if (Number.isFinite(value)) {
        sum += value;
        if (value < min) min = value;
        if (value > max) max = value;
      } else if (Number.isNaN(value)) nan++;
      else infinite++;
    }
    this.nan += nan;
    this.infinite += infinite;
    const count = values.length - nan - infinite;
    if (count === 0) return;
    this.join(count, sum / count, squaresAbout(sum / count, values));
    // Written so that the NaN of the beginning gives way.
    if (!(min >= this.min)) this.min = min;
    if (!(max <= this.max)) this.max = max;
  }

  result(): TensorStatistics {
    const { min, max, mean, squares, count, nan, infinite } = this;
    return { min, max, mean: count > 0 ? mean : NaN, std: count > 0 ? Math.sqrt(squares / count) : NaN, nan, infinite };
  }

  private join(count: number, mean: number, squares: number): void {
    const all = this.count + count;
    const delta = mean - this.mean;
    this.squares += squares + (delta * delta * this.count * count) / all;
    this.mean += (delta * count) / all;
    this.count = all;
  }
}

function squaresAbout(mean: number, values: HostTensor['data']): number {
  let squares = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (Number.isFinite(value)) squares += (value - mean) ** 2;
  }
  return squares;
}
