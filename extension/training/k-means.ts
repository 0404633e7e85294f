/** k-means (Lloyd 1982): vectors divided among centres, each the mean of those nearest to it. */
import type { RandomStream } from './random';

export interface KMeansTask {
  /** [count, width], row by row. */
  readonly vectors: Float32Array;
  readonly width: number;
  /** Centres, at most as many as vectors. */
  readonly centres: number;
  readonly iterations: number;
  readonly random: RandomStream;
  /** The centre nearest to each vector. @param centres [centres, width] */
  nearest(centres: Float32Array): Promise<ArrayLike<number>>;
}

/**
 * Begins at vectors that are drawn. A centre without vectors moves to the vector that is farthest from its own centre. Ends early
 * once nothing changes.
 * @returns [centres, width]
 */
export async function kMeans({ vectors, width, centres, iterations, random, nearest }: KMeansTask): Promise<Float32Array> {
  const count = vectors.length / width;
  const row = (i: number): Float32Array => vectors.subarray(i * width, (i + 1) * width);
  const current = new Float32Array(centres * width);
  random.permutation(count).subarray(0, centres).forEach((from, centre) => current.set(row(from), centre * width));
  let before: ArrayLike<number> = [];
  for (let iteration = 0; iteration < iterations; iteration++) {
    const owners = await nearest(current);
    const { sums, members } = sumsByOwner(vectors, width, owners, centres);
    const empty = Array.from(members.keys()).filter((centre) => members[centre] === 0);
    const far = empty.length > 0 ? farthest(vectors, width, owners, current).slice(0, empty.length) : [];
    if (far.length === 0 && sameOwners(owners, before)) break;
    before = owners;
    members.forEach((owned, centre) => {
      if (owned > 0) for (let k = 0; k < width; k++) current[centre * width + k] = sums[centre * width + k]! / owned;
    });
    far.forEach((vector, i) => current.set(row(vector), empty[i]! * width));
  }
  return current;
}

function sameOwners(owners: ArrayLike<number>, before: ArrayLike<number>): boolean {
  return owners.length === before.length && Array.prototype.every.call(owners, (owner: number, i: number) => owner === before[i]);
}

/** Vectors that are not their centre, the farthest from it first. */
function farthest(vectors: Float32Array, width: number, owners: ArrayLike<number>, centres: Float32Array): number[] {
  const distances = Float64Array.from({ length: owners.length }, (_, i) => {
    let sum = 0;
    for (let k = 0; k < width; k++) sum += (vectors[i * width + k]! - centres[owners[i]! * width + k]!) ** 2;
    return sum;
  });
  return Array.from(distances.keys()).filter((i) => distances[i]! > 0).sort((a, b) => distances[b]! - distances[a]!);
}

function sumsByOwner(vectors: Float32Array, width: number, owners: ArrayLike<number>, centres: number): { sums: Float64Array; members: Uint32Array } {
  const sums = new Float64Array(centres * width);
  const members = new Uint32Array(centres);
  for (let i = 0; i < owners.length; i++) {
    const owner = owners[i]!;
    members[owner]!++;
    for (let k = 0; k < width; k++) sums[owner * width + k]! += vectors[i * width + k]!;
  }
  return { sums, members };
}
