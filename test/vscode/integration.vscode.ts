/** The suite of ./suite inside the extension host of a real VS Code, newest and floor; its tests are listed here as they ended. */
import { describe, expect, it } from 'vitest';
import { runSuite } from './run-suite';

for (const release of ['newest', 'floor'] as const) {
  const results = await runSuite(release);
  describe(`inside the extension host of the ${release} VS Code`, () => {
    it('has tests', () => expect(results.length).toBeGreaterThan(10));
    for (const { title, problem } of results) it(title, () => { if (problem) expect.fail(problem); });
  });
}
