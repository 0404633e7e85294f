/** What the numbers of a record in metrics.jsonl are called, each by itself. */

/**
 * `level_losses` → `level_5`, …; `level_cosines` → `cosine_5`, …; others `name_1`, …
 * @param firstLevel what the first entry of `level_losses` is called, see `firstLossLevel`
 */
export function levelName(metric: string, index: number, firstLevel: number): string {
  const stem = metric === 'level_losses' ? 'level' : metric === 'level_cosines' ? 'cosine' : metric;
  return `${stem}_${(stem === metric ? 1 : firstLevel) + index}`;
}
