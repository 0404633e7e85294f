import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mim-ci-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

interface Part {
  readonly exit?: number;
  readonly report?: object | string;
}

async function summarise(parts: Readonly<Record<string, Part>>): Promise<{ line: string; told: string; exitCode: number }> {
  for (const [name, { exit, report }] of Object.entries(parts)) {
    if (exit !== undefined) await writeFile(join(folder, `${name}.exit`), `${exit}\n`);
    if (report !== undefined) await writeFile(join(folder, `${name}.json`), typeof report === 'string' ? report : JSON.stringify(report));
  }
  return new Promise((resolve) => {
    execFile(process.execPath, ['.ci/summarise.mjs', folder, ...Object.keys(parts)], (error, stdout) => resolve({ ...lastLine(stdout), exitCode: error === null ? 0 : Number(error.code) }));
  });
}

/** The last line, and what stands above it. */
function lastLine(stdout: string): { line: string; told: string } {
  const start = stdout.lastIndexOf('\n', stdout.length - 2) + 1;
  return { line: stdout.slice(start), told: stdout.slice(0, start) };
}

const report = (passed: number, failed: number, suites: object[] = []): object => ({ numPassedTests: passed, numFailedTests: failed, testResults: suites });

describe('the last line of CI', () => {
  it('sums the parts', async () => {
    expect(await summarise({ test: { exit: 0, report: report(10, 0) }, fuzz: { exit: 0, report: report(5, 0) } })).toMatchObject({ line: '15 passed, 0 failed\n', exitCode: 0 });
  });

  it('counts failed tests', async () => {
    const failing = [{ status: 'failed', assertionResults: [{ status: 'failed' }, { status: 'failed' }] }];
    expect(await summarise({ test: { exit: 1, report: report(8, 2, failing) }, fuzz: { exit: 0, report: report(5, 0) } })).toMatchObject({ line: '13 passed, 2 failed\n', exitCode: 1 });
  });

  it('counts a type check or lint that fails, so that no test ran, as one', async () => {
    expect(await summarise({ test: { exit: 1 }, fuzz: { exit: 0, report: report(5, 0) } })).toMatchObject({ line: '5 passed, 1 failed\n', exitCode: 1 });
  });

  it('counts a test file that does not load as one', async () => {
    expect(await summarise({ test: { exit: 1, report: report(8, 0, [{ status: 'failed', assertionResults: [] }]) } })).toMatchObject({ line: '8 passed, 1 failed\n', exitCode: 1 });
  });

  it('counts a failure that no test explains, and a report cut short, as one each', async () => {
    expect(await summarise({ test: { exit: 1, report: report(8, 0) }, fuzz: { exit: 137, report: '{"numPassed' } })).toMatchObject({ line: '8 passed, 2 failed\n', exitCode: 1 });
  });

  it('counts a part that was never run as one', async () => {
    expect(await summarise({ test: { exit: 0, report: report(8, 0) }, fuzz: {} })).toMatchObject({ line: '8 passed, 1 failed\n', exitCode: 1 });
  });

  it('tells once more what failed, and why', async () => {
    const failing = [{ name: 'a.test.ts', status: 'failed', assertionResults: [{ status: 'failed', fullName: 'adds', failureMessages: ['Error: 3 is not 4'] }, { status: 'passed', fullName: 'counts' }] }];
    const { told } = await summarise({ code: { exit: 1, report: report(1, 1, failing) }, fuzz: { exit: 0, report: report(5, 0) } });
    expect(told).toBe('\nFAILED code: a.test.ts: adds\nError: 3 is not 4\n');
  });
});
