/** Exponential moving average without the pull towards its zero start (divided by 1 − weightᵗ, as Adam does). */
export class MovingAverage {
  private sum = 0;
  private weights = 0;

  /** @param past weight of what came before, 0 (only the last value counts) to below 1 */
  constructor(private readonly past: number) {}

  /** NaN where nothing was added. */
  get value(): number {
    return this.weights === 0 ? NaN : this.sum / this.weights;
  }

  /** What is not finite is passed over. */
  add(value: number): void {
    if (!Number.isFinite(value)) return;
    this.sum = this.past * this.sum + (1 - this.past) * value;
    this.weights = this.past * this.weights + (1 - this.past);
  }

  copy(): MovingAverage {
    const copy = new MovingAverage(this.past);
    copy.sum = this.sum;
    copy.weights = this.weights;
    return copy;
  }
}
