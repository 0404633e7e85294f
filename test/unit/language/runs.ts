/** Earlier runs for tests. */
import type { ResolvedExperiment } from '../../../extension/core/config/schema';
import type { LibraryRun } from '../../../extension/core/library/library-run';
import { resolvedOf } from '../config/experiment-of';

interface Past extends Partial<LibraryRun> {
  readonly linear?: number;
  readonly knn?: number;
}

/** A finished run of the small experiment with these lines. */
export function pastRun(id: string, lines: readonly string[], { linear, knn, ...more }: Past = {}): LibraryRun {
  const config: ResolvedExperiment = resolvedOf(...lines);
  const probes = Object.entries({ linear, knn }).filter((entry): entry is [string, number] => entry[1] !== undefined);
  return {
    key: `/lab/runs/${id}`,
    id,
    name: id,
    origin: 'mim',
    state: 'finished',
    config,
    marks: { starred: false, tags: [] },
    evaluations: [
      ...probes.map(([protocol, top1]) => ({ protocol, step: 10, subject: 'student', features: 'cls', top1 })),
      { protocol: 'linear', step: 10, subject: 'teacher', features: 'cls', top1: 0.99 },
    ],
    checkpoints: [],
    ...more,
  };
}

export function statusAt(updatedAt: string, totalSteps = 100, totalEpochs = 10): LibraryRun['status'] {
  return { state: 'finished', pid: 1, host: 'h', processStart: '', startedAt: updatedAt, updatedAt, step: totalSteps, totalSteps, epoch: totalEpochs, totalEpochs };
}
