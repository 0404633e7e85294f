import { describe, expect, it } from 'vitest';
import { lastWords } from '../../../extension/core/jobs/last-words';

describe('the last words of a worker', () => {
  it('are the error, without the stack around it', () => {
    const output = [
      'node:internal/modules/cjs/loader:1215', '  throw err;', '  ^', '', "Error: Cannot find module '/opt/mim.mjs'",
      '    at Module._resolveFilename (node:internal/modules/cjs/loader:1212:15)', '  code: \'MODULE_NOT_FOUND\',', '  requireStack: []', '}', '', 'Node.js v20.19.0', '',
    ].join('\n');
    expect(lastWords(output)).toBe("Error: Cannot find module '/opt/mim.mjs'");
  });

  it('are the syntax error of a damaged program', () => {
    expect(lastWords('file:///opt/mim.mjs:1\nlet let = 1\n    ^^^\n\nSyntaxError: let is disallowed\n    at compile (node:vm:1)\n')).toBe('SyntaxError: let is disallowed');
  });

  it('are the last lines where no line is an error', () => {
    expect(lastWords('one\ntwo\n\nthree\nfour\nfive\n')).toBe('two\nthree\nfour\nfive');
  });

  it('say so where there are none', () => {
    expect(lastWords('\n')).toBe('It ended without a word.');
  });
});
