/** Relative positions as BEiT and SimMIM keep them: a number for each offset between two patches. */

/**
 * Writes the numbers out for every pair of tokens.
 *
 * @param table [(2g−1)² + 3, H]: offset (dy, dx), each from −(g−1) to g−1, in row (dy+g−1)·(2g−1) + (dx+g−1), where the offset is the
 *   query's place less the key's; then CLS to patch, patch to CLS, CLS to CLS (official: `relative_position_index`)
 * @param grid g, patches along a side
 * @returns [H, 1+g², 1+g²]: query, key
 */
export function expandRelativePositions(table: Float32Array, grid: number, heads: number): Float32Array {
  const side = 2 * grid - 1;
  const tokens = 1 + grid * grid;
  const clsToPatch = side * side;
  const rowOf = (query: number, key: number): number => {
    if (query === 0) return key === 0 ? clsToPatch + 2 : clsToPatch;
    if (key === 0) return clsToPatch + 1;
    const [q, k] = [query - 1, key - 1];
    const dy = Math.floor(q / grid) - Math.floor(k / grid);
    const dx = (q % grid) - (k % grid);
    return (dy + grid - 1) * side + (dx + grid - 1);
  };
  const expanded = new Float32Array(heads * tokens * tokens);
  for (let query = 0; query < tokens; query++) {
    for (let key = 0; key < tokens; key++) {
      const row = rowOf(query, key);
      for (let head = 0; head < heads; head++) expanded[(head * tokens + query) * tokens + key] = table[row * heads + head]!;
    }
  }
  return expanded;
}
