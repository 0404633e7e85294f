/**
 * Random search. A draw is a pure function of (seed, key, number of the draw), so another key or a greater count leaves
 * the values of the others as they are; and values are rounded to what a person would write, so that they are the same
 * on every machine and can be typed again.
 */
import { createHash } from 'node:crypto';
import type { DistributionConfig, RandomSearchConfig } from './schema';

/** Digits that tell a learning rate from its neighbours. */
const LOG_DIGITS = 3;
/** Of a range, the part that two values must differ by. */
const STEPS_IN_RANGE = 1000;

/** The values of each draw, by dotted key. */
export function drawnValues({ count, seed, keys }: RandomSearchConfig): Record<string, string | number | boolean>[] {
  return Array.from({ length: count }, (_, draw) => Object.fromEntries(Object.entries(keys).map(([key, distribution]) => [key, valueAt(distribution, uniformDraw(seed, key, draw))])));
}

/** @param u in [0, 1) */
function valueAt({ uniform, log_uniform, int_uniform, choice }: DistributionConfig, u: number): string | number | boolean {
  if (uniform) return rounded(uniform[0] + u * (uniform[1] - uniform[0]), uniform);
  if (log_uniform) {
    const [low, high] = log_uniform;
    return clamped(Number((low * (high / low) ** u).toPrecision(LOG_DIGITS)), log_uniform);
  }
  if (int_uniform) return int_uniform[0] + Math.floor(u * (int_uniform[1] - int_uniform[0] + 1));
  return choice![Math.floor(u * choice!.length)]!;
}

/** Uniform in [0, 1), 53 bits. */
function uniformDraw(seed: number, key: string, draw: number): number {
  const bits = createHash('sha256').update(JSON.stringify(['sweep', seed, key, draw])).digest();
  return (bits.readUInt32BE(0) * 0x20_0000 + (bits.readUInt32BE(4) >>> 11)) / 2 ** 53;
}

/** To the power of ten that a thousandth of the range needs: 0.30–0.90 gives four decimals. */
function rounded(value: number, range: readonly [number, number]): number {
  const width = range[1] - range[0];
  const decimals = width > 0 ? Math.ceil(-Math.log10(width / STEPS_IN_RANGE)) : 0;
  return clamped(decimals > 0 ? Number(value.toFixed(Math.min(decimals, 20))) : Math.round(value), range);
}

function clamped(value: number, [low, high]: readonly [number, number]): number {
  return Math.min(high, Math.max(low, value));
}
