/** Images per second and time left, from the training steps alone: evaluations and checkpoints do not count. */
export class Throughput {
  private trainingSeconds: number;
  private images: number;
  private recent: number | undefined;

  /** @param before what earlier parts of a resumed run did */
  constructor(before: { readonly seconds: number; readonly images: number } = { seconds: 0, images: 0 }) {
    this.trainingSeconds = before.seconds;
    this.images = before.images;
  }

  record(images: number, seconds: number): void {
    this.trainingSeconds += seconds;
    this.images += images;
    const rate = images / Math.max(seconds, 1e-9);
    // Smoothed over some ten records, so that the time left does not jump.
    this.recent = this.recent === undefined ? rate : 0.9 * this.recent + 0.1 * rate;
  }

  /** Mean over the whole run. */
  get mean(): number {
    return this.trainingSeconds > 0 ? this.images / this.trainingSeconds : 0;
  }

  get current(): number {
    return this.recent ?? this.mean;
  }

  get totals(): { seconds: number; images: number } {
    return { seconds: this.trainingSeconds, images: this.images };
  }

  secondsFor(images: number): number {
    return this.current > 0 ? images / this.current : 0;
  }
}
