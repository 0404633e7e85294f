/** Share of the attention that falls on visible patches; (1 − ratio) is what random masking leaves on average. */
export function visibleAttention(keepIds: ArrayLike<number>, scores: ArrayLike<number>): number {
  const sumOf = (values: ArrayLike<number>): number => Array.from(values).reduce((sum, value) => sum + value, 0);
  return sumOf(Array.from(keepIds, (patch) => scores[patch]!)) / sumOf(scores);
}
