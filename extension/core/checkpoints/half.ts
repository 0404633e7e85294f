/** IEEE binary16, bits in a Uint16Array, as weight files and the teacher cache store it. */

/** The largest finite value. */
export const LARGEST_HALF = 65504;

let table: Float32Array | undefined;

/** @param values written from their beginning on */
export function halvesToFloats(halves: Uint16Array, values = new Float32Array(halves.length)): Float32Array {
  const known = (table ??= Float32Array.from({ length: 0x10000 }, (_, bits) => valueOf(bits)));
  for (let i = 0; i < halves.length; i++) values[i] = known[halves[i]!]!;
  return values;
}

/**
 * Rounds to the nearest, halves to even, as hardware does. What lies beyond the largest finite value becomes infinite.
 * @param halves written from their beginning on
 */
export function floatsToHalves(values: Float32Array, halves: Uint16Array = new Uint16Array(values.length)): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < values.length; i++) halves[i] = halfOf(bits[i]!);
  return halves;
}

const scratch = new Float32Array(1);
const scratchBits = new Uint32Array(scratch.buffer);

/** @param bits of a float32 */
function halfOf(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fff_ffff;
  if (magnitude > 0x7f80_0000) return sign | 0x7e00;
  if (magnitude >= 0x4780_0000) return sign | 0x7c00;
  // The fraction loses 13 bits; what overflows goes into the exponent, and at the very end to infinity.
  if (magnitude >= 0x3880_0000) return sign | ((magnitude - 0x3800_0000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
  // Below 2⁻¹⁴ halves are multiples of 2⁻²⁴, which is what a float32 between ½ and 1 is rounded to.
  scratchBits[0] = magnitude;
  scratch[0]! += 0.5;
  return sign | (scratchBits[0]! - 0x3f00_0000);
}

function valueOf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
