/** What the numbers of a record in metrics.jsonl are called, each by itself. */

/** Lists with an entry for the embedding, one for each block, and one for what follows the blocks. */
const BY_BLOCK: Readonly<Record<string, string>> = { block_grad_norms: 'block_grad_norm', block_update_ratios: 'block_update_ratio' };

/**
 * `level_losses` → `level_5`, …; `level_cosines` → `cosine_5`, …; `block_grad_norms` → `block_grad_norm_embedding`, `block_grad_norm_1`, …,
 * `block_grad_norm_heads`; others `name_1`, …
 * @param count entries of the list
 * @param firstLevel what the first entry of `level_losses` is called, see `firstLossLevel`
 */
export function levelName(metric: string, index: number, count: number, firstLevel: number): string {
  const byBlock = BY_BLOCK[metric];
  if (byBlock !== undefined) return `${byBlock}_${index === 0 ? 'embedding' : index === count - 1 ? 'heads' : index}`;
  const stem = metric === 'level_losses' ? 'level' : metric === 'level_cosines' ? 'cosine' : metric;
  return `${stem}_${(stem === metric ? 1 : firstLevel) + index}`;
}
