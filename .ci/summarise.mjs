// Sums vitest's JSON reports into the one line `N passed, N failed` and exits 1 where anything failed. What failed is told
// above that line, once more, since logs are often cut to their end.
//
//   node .ci/summarise.mjs FOLDER PART...
//
// For each part FOLDER holds PART.exit, the exit status of its command, and PART.json, vitest's report. A command that
// failed without a failed test in its report (build, type check, lint, a crash, a file that does not load) or that was
// never run counts as one failed.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const [folder, ...parts] = process.argv.slice(2);
let passed = 0;
let failed = 0;

for (const part of parts) {
  const report = readReport(join(folder, `${part}.json`));
  const status = existsSync(join(folder, `${part}.exit`)) ? Number(readFileSync(join(folder, `${part}.exit`), 'utf8')) : NaN;
  // A suite that fails to load has no tests to count.
  const broken = report.testResults.filter((suite) => suite.status === 'failed' && suite.assertionResults.every((test) => test.status !== 'failed')).length;
  const failures = report.numFailedTests + broken;
  passed += report.numPassedTests;
  failed += failures > 0 || status === 0 ? failures : 1;
  tellFailures(part, report);
  if (failures === 0 && status !== 0) console.log(`\nFAILED ${part}: ${endOf(status)}`);
}

if (passed === 0 && failed === 0) failed = 1;
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);

function endOf(status) {
  if (Number.isNaN(status)) return 'was never run';
  // As `timeout` says it, by its own word or by a kill.
  return status === 124 || status === 137 ? 'did not end in time and was stopped' : `ended with status ${status}`;
}

function tellFailures(part, report) {
  for (const suite of report.testResults) {
    const tests = suite.assertionResults.filter((test) => test.status === 'failed');
    if (suite.status === 'failed' && tests.length === 0) console.log(`\nFAILED ${part}: ${suite.name}\n${suite.message ?? ''}`);
    for (const test of tests) console.log(`\nFAILED ${part}: ${suite.name}: ${test.fullName}\n${(test.failureMessages ?? []).join('\n')}`);
  }
}

function readReport(file) {
  const nothing = { numPassedTests: 0, numFailedTests: 0, testResults: [] };
  if (!existsSync(file)) return nothing;
  try {
    return { ...nothing, ...JSON.parse(readFileSync(file, 'utf8')) };
  } catch {
    return nothing;
  }
}
