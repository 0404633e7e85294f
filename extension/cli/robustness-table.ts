/** Accuracies under corruptions: a row for each subject and corruption, a column for each severity. */
import { percent } from '../core/text/format';
import type { RobustnessResult } from '../training/evaluation/robustness';
import { tableLines } from './table';

/** None where no result is of robustness. */
export function robustnessTable(results: readonly { readonly subject: string; readonly result: object }[]): string[] {
  const found = results.flatMap(({ subject, result }) => (isRobustness(result) ? [{ subject, result }] : []));
  if (found.length === 0) return [];
  const { severities } = found[0]!.result;
  const rows = found.flatMap(({ subject, result }) => [
    [subject, 'none', percent(result.cleanTop1)],
    ...Object.entries(result.corruptedTop1).map(([corruption, accuracies]) => [subject, corruption, '', ...accuracies.map(percent)]),
  ]);
  return tableLines(['subject', 'corruption', 'clean', ...severities.map((severity) => `severity ${severity}`)], rows, ['left', 'left', 'right', ...severities.map(() => 'right' as const)]);
}

function isRobustness(result: object): result is RobustnessResult {
  return 'corruptedTop1' in result;
}
