/** What the extension host runs: mocha over the suite, its results written to the file that MIM_SUITE_RESULTS names. */
import { writeFileSync } from 'node:fs';
import Mocha from 'mocha';
import type { SuiteResult } from './result';
import { activation } from './activation';
import { editing } from './editing';
import { running } from './running';
import { looking } from './looking';

export async function run(): Promise<void> {
  const file = process.env.MIM_SUITE_RESULTS;
  if (!file) throw new Error('MIM_SUITE_RESULTS names no file');
  const mocha = new Mocha({ ui: 'bdd', timeout: 90_000, reporter: class {} as never });
  mocha.suite.emit('pre-require', globalThis, '', mocha);
  for (const part of [activation, editing, looking, running]) part();
  const results: SuiteResult[] = [];
  await new Promise<void>((resolve) => {
    const runner = mocha.run(() => resolve());
    runner.on('pass', (test) => results.push({ title: test.fullTitle() }));
    runner.on('fail', (test, error) => results.push({ title: test.fullTitle(), problem: (error as Error).stack ?? String(error) }));
  });
  writeFileSync(file, JSON.stringify(results));
}
