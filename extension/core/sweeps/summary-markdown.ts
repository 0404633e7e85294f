/** The results of a sweep as a table of Markdown. */
import { duration, significant } from '../text/format';
import type { ProbeSummary, SummaryRow, SweepSummary } from './summary';

export function summaryMarkdown(summary: SweepSummary): string {
  const { name, keys, protocols, rows } = summary;
  const head = [...keys, ...protocols, 'seeds', 'GMAC/image', 'training time'];
  const body = rows.map((row) => [...row.values.map((value, index) => (row.given[index] ? String(value) : '')), ...protocols.map((protocol) => probeText(row.probes[protocol])), seedsText(row), significant(row.gmacPerImage), row.trainingSeconds === undefined ? '–' : duration(row.trainingSeconds)]);
  return [
    `# ${name}`,
    '',
    'Top-1 in per cent, mean over seeds ± half of its 95 % interval (Student’s t); training time is the mean of a run, without evaluations.',
    '',
    tableRow(head),
    tableRow(head.map((_, index) => (index < keys.length ? '---' : '---:'))),
    ...body.map(tableRow),
    ...baselineRows(summary, head.length).map(tableRow),
    '',
  ].join('\n');
}

function baselineRows({ keys, protocols, baselines }: SweepSummary, width: number): string[][] {
  return (['teacher', 'random'] as const).flatMap((subject) => {
    const values = protocols.map((protocol) => baselines[protocol]?.[subject]);
    if (values.every((value) => value === undefined)) return [];
    const label = subject === 'random' ? '*random-initialised student*' : '*teacher*';
    const row = [label, ...Array.from({ length: Math.max(0, keys.length - 1) }, () => ''), ...values.map((value) => (value === undefined ? '–' : hundredths(value)))];
    return [[...row, ...Array.from({ length: width - row.length }, () => '')]];
  });
}

function probeText(probe: ProbeSummary | undefined): string {
  if (probe === undefined) return '–';
  return probe.interval === undefined ? hundredths(probe.mean) : `${hundredths(probe.mean)} ± ${hundredths(probe.interval[1] - probe.mean)}`;
}

/** `3`, or `2 of 3 (1 failed)`. */
function seedsText({ done, seeds, open }: SummaryRow): string {
  const states = Object.entries(open).map(([state, count]) => `${count} ${state}`);
  return states.length === 0 ? String(done) : `${done} of ${seeds} (${states.join(', ')})`;
}

function hundredths(share: number): string {
  return (100 * share).toFixed(2);
}

function tableRow(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}
