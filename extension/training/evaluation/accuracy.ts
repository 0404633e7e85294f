/** How predictions are scored; every protocol reports through this file. */

export interface Accuracy {
  /** Share of images whose first choice is right. */
  readonly top1: number;
  /** Share of images whose label is among the first five; only with ten classes or more. */
  readonly top5?: number;
  /** Share right among the images of each class; null where a class has no image. */
  readonly perClass: readonly (number | null)[];
  /** confusion[true][predicted], counts; left out above 256 classes. */
  readonly confusion?: readonly (readonly number[])[];
}

const TOP5_FROM_CLASSES = 10;
const CONFUSION_UP_TO_CLASSES = 256;

/** Counts predictions one image at a time. */
export class AccuracyCounter {
  private images = 0;
  private hits1 = 0;
  private hits5 = 0;
  private readonly perClassImages: Float64Array;
  private readonly perClassHits: Float64Array;
  private readonly confusion: number[][] | undefined;

  constructor(private readonly classes: number) {
    this.perClassImages = new Float64Array(classes);
    this.perClassHits = new Float64Array(classes);
    if (classes <= CONFUSION_UP_TO_CLASSES) this.confusion = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  }

  /**
   * @param scores one score a class, from `offset` on; ties go to the lower class. Scores that are not finite count as
   * a wrong answer (a diverged head), not as an error.
   */
  add(label: number, scores: ArrayLike<number>, offset = 0): void {
    const own = scores[offset + label]!;
    let rank = 0;
    let best = 0;
    let finite = true;
    for (let c = 0; c < this.classes; c++) {
      const score = scores[offset + c]!;
      if (!Number.isFinite(score)) finite = false;
      if (score > own || (score === own && c < label)) rank++;
      if (score > scores[offset + best]!) best = c;
    }
    this.images++;
    this.perClassImages[label]!++;
    if (!finite) return;
    if (rank === 0) {
      this.hits1++;
      this.perClassHits[label]!++;
    }
    if (rank < 5) this.hits5++;
    if (this.confusion) this.confusion[label]![best]!++;
  }

  get top1(): number {
    return this.hits1 / this.images;
  }

  result(): Accuracy {
    return {
      top1: this.top1,
      ...(this.classes >= TOP5_FROM_CLASSES ? { top5: this.hits5 / this.images } : {}),
      perClass: Array.from(this.perClassImages, (images, c) => (images === 0 ? null : this.perClassHits[c]! / images)),
      ...(this.confusion ? { confusion: this.confusion } : {}),
    };
  }
}

/** Number of classes: the larger of what is known and what the labels show. */
export function countClasses(known: number | undefined, ...labelSets: readonly Int32Array[]): number {
  let highest = (known ?? 1) - 1;
  for (const labels of labelSets) for (const label of labels) if (label > highest) highest = label;
  return highest + 1;
}
