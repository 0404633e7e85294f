/** Viridis (Smith and van der Walt, matplotlib, CC0): perceptually uniform, readable in grey and by the colour-blind. */

const ANCHORS: readonly number[] = [0x440154, 0x482878, 0x3e4989, 0x31688e, 0x26828e, 0x1f9e89, 0x35b779, 0x6ece58, 0xb5de2b, 0xfde725];

/** Colour of a value in [0, 1] as [red, green, blue], 0–255; values outside are clamped. */
export function viridis(value: number): [number, number, number] {
  const place = Math.min(1, Math.max(0, value)) * (ANCHORS.length - 1);
  const below = Math.min(ANCHORS.length - 2, Math.floor(place));
  const share = place - below;
  const channel = (shift: number): number => {
    const from = (ANCHORS[below]! >> shift) & 255;
    const to = (ANCHORS[below + 1]! >> shift) & 255;
    return Math.round(from + share * (to - from));
  };
  return [channel(16), channel(8), channel(0)];
}
