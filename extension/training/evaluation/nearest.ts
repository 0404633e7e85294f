/** The k most similar entries for one query, found while similarities stream by. */

/**
 * Keeps the k best (similarity, index) pairs. Order: higher similarity first; equal similarities by lower index, so
 * that the outcome is a function of the data alone. Candidates must come in ascending index order.
 */
export class NearestNeighbours {
  /** Binary heap with the worst kept pair at its root. */
  private readonly similarities: Float32Array;
  private readonly indices: Int32Array;
  private size = 0;

  constructor(readonly k: number) {
    this.similarities = new Float32Array(k);
    this.indices = new Int32Array(k);
  }

  /** Offers `similarities[from + j]` for j in 0…count−1 as the entries `firstIndex + j`. */
  offer(similarities: Float32Array, from: number, count: number, firstIndex: number): void {
    let j = 0;
    for (; j < count && this.size < this.k; j++) this.push(similarities[from + j]!, firstIndex + j);
    let worst = this.similarities[0]!;
    for (; j < count; j++) {
      const similarity = similarities[from + j]!;
      // An equal similarity comes with a higher index here, so it never displaces a kept one.
      if (similarity > worst) {
        this.place(similarity, firstIndex + j, 0, this.size);
        worst = this.similarities[0]!;
      }
    }
  }

  /** Best first. */
  sorted(): { similarities: Float32Array; indices: Int32Array } {
    const order = Array.from({ length: this.size }, (_, i) => i).sort(
      (a, b) => this.similarities[b]! - this.similarities[a]! || this.indices[a]! - this.indices[b]!,
    );
    return {
      similarities: Float32Array.from(order, (i) => this.similarities[i]!),
      indices: Int32Array.from(order, (i) => this.indices[i]!),
    };
  }

  private push(similarity: number, index: number): void {
    let slot = this.size++;
    while (slot > 0) {
      const parent = (slot - 1) >> 1;
      if (!isWorse(similarity, index, this.similarities[parent]!, this.indices[parent]!)) break;
      this.similarities[slot] = this.similarities[parent]!;
      this.indices[slot] = this.indices[parent]!;
      slot = parent;
    }
    this.similarities[slot] = similarity;
    this.indices[slot] = index;
  }

  /** Puts a pair in at `slot` and lets it sink below every pair that is worse. */
  private place(similarity: number, index: number, slot: number, size: number): void {
    for (;;) {
      let child = 2 * slot + 1;
      if (child >= size) break;
      if (child + 1 < size && isWorse(this.similarities[child + 1]!, this.indices[child + 1]!, this.similarities[child]!, this.indices[child]!)) child++;
      if (!isWorse(this.similarities[child]!, this.indices[child]!, similarity, index)) break;
      this.similarities[slot] = this.similarities[child]!;
      this.indices[slot] = this.indices[child]!;
      slot = child;
    }
    this.similarities[slot] = similarity;
    this.indices[slot] = index;
  }
}

function isWorse(similarity: number, index: number, thanSimilarity: number, thanIndex: number): boolean {
  return similarity < thanSimilarity || (similarity === thanSimilarity && index > thanIndex);
}
