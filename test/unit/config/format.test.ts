import { describe, expect, test } from 'vitest';
import { formatProblems } from '../../../extension/core/config/format';
import type { Problem } from '../../../extension/core/problems';

function problemAt(sourceLine: string, column: number, length: number, line = 7): Problem {
  return {
    code: 'MIM1006',
    severity: 'error',
    file: 'my.mim.yaml',
    message: 'Wrong.',
    hint: 'Right.',
    sourceLine,
    range: { start: { line, column, offset: 0 }, end: { line, column: column + length, offset: 0 } },
  };
}

describe('formatProblems', () => {
  test('shows place, line, caret and hint', () => {
    expect(formatProblems([problemAt('  ratio: 1.2', 10, 3, 112)])).toBe(
      ['my.mim.yaml:112:10: error MIM1006: Wrong.', '  112 |   ratio: 1.2', '      |          ^^^', '  hint: Right.'].join('\n'),
    );
  });

  test('puts the caret right behind tabs', () => {
    expect(formatProblems([problemAt('\tratio: 1.2', 9, 3)])).toContain(['  7 |     ratio: 1.2', '    |            ^^^'].join('\n'));
  });

  test('shows of a long line what surrounds the problem', () => {
    const text = formatProblems([problemAt(`${'a'.repeat(500)}BAD${'b'.repeat(500)}`, 501, 3)]);
    const [shown = '', carets = ''] = text.split('\n').slice(1);
    expect(shown.length).toBeLessThan(140);
    expect(shown.slice(carets.indexOf('^'), carets.lastIndexOf('^') + 1)).toBe('BAD');
  });

  test('shows at least one caret at the end of a line, and stays on the first of many lines', () => {
    expect(formatProblems([problemAt('ratio:', 7, 0)])).toContain('\n    |       ^\n');
    const many = problemAt('data: {', 7, 1);
    expect(formatProblems([{ ...many, range: { start: many.range!.start, end: { line: 9, column: 2, offset: 0 } } }])).toContain('\n    |       ^\n');
  });

  test('speaks of what has no place', () => {
    expect(formatProblems([{ code: 'MIM1011', severity: 'error', file: '--set a=1', message: 'Wrong.' }])).toBe('--set a=1: error MIM1011: Wrong.');
    expect(formatProblems([{ code: 'MIM1011', severity: 'warning', message: 'Odd.' }])).toBe('warning MIM1011: Odd.');
  });

  test('separates problems by a blank line; none is nothing', () => {
    expect(formatProblems([problemAt('a', 1, 1), problemAt('b', 1, 1)]).split('\n\n')).toHaveLength(2);
    expect(formatProblems([])).toBe('');
  });

  test('colours only where asked', () => {
    const problem = problemAt('  ratio: 1.2', 10, 3);
    const colored = formatProblems([problem], { color: true });
    expect(colored).toContain('\u001b[31merror MIM1006\u001b[39m');
    expect(colored.replace(/\u001b\[\d+m/g, '')).toBe(formatProblems([problem]));
  });
});
