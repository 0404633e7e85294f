/** The values of one metric over bins of records. A bin keeps mean, lowest and highest, so that no spike is lost. */

/** In a bin where no record had the metric. A record's own infinity counts as NaN. */
export const ABSENT = Infinity;

export class Column {
  /** NaN where a record of the bin was not finite, `ABSENT` where none had the metric. */
  mean = new Float32Array(0);
  low = new Float32Array(0);
  high = new Float32Array(0);
  /** Finite values in the last bin, and which bin that is. */
  private present = 0;
  private bin = -1;

  /** The last value given, in full precision. */
  last = NaN;
  /** Lowest and highest finite value given. */
  lowest = NaN;
  highest = NaN;

  /** `bin` never decreases between merges. */
  add(bin: number, given: number): void {
    const value = Number.isFinite(given) ? given : NaN;
    this.reserve(bin + 1);
    this.last = value;
    if (bin !== this.bin) {
      this.bin = bin;
      this.present = 0;
    }
    if (Number.isNaN(value)) {
      this.mean[bin] = NaN;
      return;
    }
    if (!(value >= this.lowest)) this.lowest = value;
    if (!(value <= this.highest)) this.highest = value;
    this.present++;
    if (this.present === 1) {
      this.low[bin] = value;
      this.high[bin] = value;
      // A NaN before it stays to be seen.
      if (this.mean[bin] === ABSENT) this.mean[bin] = value;
      return;
    }
    this.mean[bin]! += (value - this.mean[bin]!) / this.present;
    if (value < this.low[bin]!) this.low[bin] = value;
    if (value > this.high[bin]!) this.high[bin] = value;
  }

  /** Two bins become one. `bins` is how many are in use. */
  mergePairs(bins: number): void {
    this.reserve(bins);
    const half = Math.ceil(bins / 2);
    for (let to = 0; to < half; to++) {
      const from = 2 * to;
      const next = Math.min(from + 1, bins - 1);
      const a = this.mean[from]!;
      const b = this.mean[next]!;
      this.mean[to] = a === ABSENT ? b : b === ABSENT ? a : (a + b) / 2;
      this.low[to] = lower(this.low[from]!, this.low[next]!);
      this.high[to] = higher(this.high[from]!, this.high[next]!);
    }
    for (const values of [this.mean, this.low, this.high]) values.fill(values === this.mean ? ABSENT : NaN, half);
    this.present *= 2;
    this.bin = Math.floor(this.bin / 2);
  }

  /** Makes room for `bins`; new ones are absent. */
  reserve(bins: number): void {
    const before = this.mean.length;
    if (bins <= before) return;
    const length = Math.max(64, bins, 2 * before);
    this.mean = grown(this.mean, length, ABSENT);
    this.low = grown(this.low, length, NaN);
    this.high = grown(this.high, length, NaN);
  }
}

/** NaN stands for nothing. */
export function lower(a: number, b: number): number {
  return !(a >= b) && !Number.isNaN(a) ? a : Number.isNaN(b) ? a : b;
}

export function higher(a: number, b: number): number {
  return !(a <= b) && !Number.isNaN(a) ? a : Number.isNaN(b) ? a : b;
}

function grown(values: Float32Array<ArrayBuffer>, length: number, empty: number): Float32Array<ArrayBuffer> {
  const larger = new Float32Array(length).fill(empty, values.length);
  larger.set(values);
  return larger;
}
