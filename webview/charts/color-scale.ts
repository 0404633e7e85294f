/** Colours for numbers: a ramp that is even to the eye, and one with a middle for signed values. */

type Rgb = readonly [number, number, number];

/** Viridis at eleven places: light rises evenly, and it reads without hue. */
const VIRIDIS: readonly Rgb[] = [
  [68, 1, 84], [72, 36, 117], [65, 68, 135], [53, 95, 141], [42, 120, 142], [33, 145, 140], [34, 168, 132], [68, 191, 112],
  [122, 209, 81], [189, 223, 38], [253, 231, 37],
];
/** Blue for negative, grey for none, orange for positive. */
const SIGNED: readonly Rgb[] = [[33, 102, 172], [103, 160, 207], [150, 150, 150], [240, 163, 94], [213, 94, 0]];

export interface ColorScale {
  readonly min: number;
  readonly max: number;
  color(value: number): string;
  /** As a CSS background, from min to max. */
  readonly gradient: string;
}

/** `signed` centres the scale on zero. Values that are not finite take no part. */
export function colorScale(values: Iterable<number | null>, signed: boolean): ColorScale {
  let min = Infinity;
  let max = -Infinity;
  for (const value of values) {
    if (value === null || !Number.isFinite(value)) continue;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  if (min > max) [min, max] = [0, 1];
  if (signed) {
    max = Math.max(Math.abs(min), Math.abs(max)) || 1;
    min = -max;
  }
  const ramp = signed ? SIGNED : VIRIDIS;
  const span = max - min || 1;
  const stops = ramp.map((rgb) => css(rgb)).join(', ');
  return { min, max, gradient: `linear-gradient(to right, ${stops})`, color: (value) => css(along(ramp, (value - min) / span)) };
}

function along(ramp: readonly Rgb[], share: number): Rgb {
  const place = Math.min(1, Math.max(0, share)) * (ramp.length - 1);
  const index = Math.min(ramp.length - 2, Math.floor(place));
  const [from, to] = [ramp[index]!, ramp[index + 1]!];
  const mix = (channel: 0 | 1 | 2) => Math.round(from[channel] + (to[channel] - from[channel]) * (place - index));
  return [mix(0), mix(1), mix(2)];
}

function css([red, green, blue]: Rgb): string {
  return `rgb(${red}, ${green}, ${blue})`;
}
