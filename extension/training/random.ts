/**
 * Randomness as a pure function of where one is: every draw of the product comes from a stream named by
 * (seed, purpose, indices…), so order, augmentation, masks and drop-path do not depend on threads or on what
 * was drawn before, and a resumed run needs no saved generator state beyond its step.
 *
 * Generator: xoshiro128** (Blackman and Vigna, 2018), seeded through murmur3's finaliser.
 */

/** One multiplier a word, so that names that collide in one word differ in the others. */
const MULTIPLIERS = [0x85ebca6b, 0xc2b2ae35, 0x27d4eb2f, 0x165667b1] as const;
const STARTS = [0x9747b28c, 0x6a09e667, 0x3c6ef372, 0x510e527f] as const;

function absorb(hash: number, multiplier: number, value: number): number {
  const h = Math.imul(hash ^ value, multiplier);
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0;
}

function finalise(hash: number): number {
  let h = hash;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** 128 bits from the name of a stream: a long training opens hundreds of millions, which would collide in 32. */
function hashName(seed: number, purpose: string, indices: readonly number[]): [number, number, number, number] {
  const words: number[] = [...STARTS];
  const take = (value: number): void => {
    for (let i = 0; i < 4; i++) words[i] = absorb(words[i]!, MULTIPLIERS[i]!, value);
  };
  const takeInteger = (value: number): void => {
    take(value | 0);
    take(Math.floor(value / 0x1_0000_0000));
  };
  takeInteger(seed);
  for (let i = 0; i < purpose.length; i++) take(purpose.charCodeAt(i));
  for (const index of indices) takeInteger(index);
  return [finalise(words[0]!), finalise(words[1]!), finalise(words[2]!), finalise(words[3]!)];
}

export class RandomStream {
  private a: number;
  private b: number;
  private c: number;
  private d: number;
  private spareNormal: number | undefined;

  constructor(seed: number, purpose: string, ...indices: readonly number[]) {
    [this.a, this.b, this.c, this.d] = hashName(seed, purpose, indices);
    // The generator's one forbidden state.
    if ((this.a | this.b | this.c | this.d) === 0) this.d = 1;
    for (let i = 0; i < 4; i++) this.uint32();
  }

  /** Uniform integer in [0, 2³²). */
  uint32(): number {
    const product = Math.imul(this.b, 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0;
    const t = this.b << 9;
    this.c ^= this.a;
    this.d ^= this.b;
    this.b ^= this.c;
    this.a ^= this.d;
    this.c ^= t;
    this.d = (this.d << 11) | (this.d >>> 21);
    return result;
  }

  /** Uniform in [0, 1), 53 bits. */
  uniform(): number {
    return ((this.uint32() >>> 5) * 0x400_0000 + (this.uint32() >>> 6)) / 0x20_0000_0000_0000;
  }

  /** Uniform integer in [0, limit). */
  integer(limit: number): number {
    return Math.floor(this.uniform() * limit);
  }

  /** Standard normal (polar method). */
  normal(): number {
    if (this.spareNormal !== undefined) {
      const value = this.spareNormal;
      this.spareNormal = undefined;
      return value;
    }
    let u: number, v: number, s: number;
    do {
      u = 2 * this.uniform() - 1;
      v = 2 * this.uniform() - 1;
      s = u * u + v * v;
    } while (s >= 1 || s === 0);
    const scale = Math.sqrt((-2 * Math.log(s)) / s);
    this.spareNormal = v * scale;
    return u * scale;
  }

  /** Standard Gumbel, −log(−log u). */
  gumbel(): number {
    let u = 0;
    while (u === 0) u = this.uniform();
    return -Math.log(-Math.log(u));
  }

  /** A uniformly random permutation of 0…size−1 (Fisher–Yates). */
  permutation(size: number): Uint32Array {
    const order = new Uint32Array(size);
    for (let i = 0; i < size; i++) order[i] = i;
    for (let i = size - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      const swap = order[i]!;
      order[i] = order[j]!;
      order[j] = swap;
    }
    return order;
  }
}

/**
 * The stream of what a method draws for one micro-batch: masks, noise, drop-path.
 * @param step optimizer steps done before this one
 * @param part micro-batch of the step, from 0
 */
export function drawStream(seed: number, step: number, part: number): RandomStream {
  return new RandomStream(seed, 'draw', step, part);
}
