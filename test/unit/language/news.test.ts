import { describe, expect, test } from 'vitest';
import { News } from '../../../extension/core/language/news';
import type { LibraryRun } from '../../../extension/core/library/library-run';
import { pastRun, statusAt } from './runs';

describe('news of a library', () => {
  const changed = new Set(['/lab/runs/a']);
  const libraryOf = (run?: LibraryRun) => ({ get: () => run });
  const running = pastRun('a', [], { state: 'running', status: statusAt('2026-01-01T00:00:00Z') });

  test('a run, its probe, its end and its going are news, a step is not', () => {
    const news = new News();
    const told = [
      running,
      { ...running, status: { ...running.status!, step: 7, updatedAt: '2026-01-01T00:00:09Z' } },
      { ...running, evaluations: [] },
      { ...running, evaluations: [], state: 'finished' as const },
      undefined,
      running,
    ].map((run) => news.isIn(changed, libraryOf(run)));
    expect(told).toEqual([true, false, true, true, true, true]);
  });
});
