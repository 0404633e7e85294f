/** Which jobs have ended since the last look, and what is said of it. */
import path from 'node:path';
import type { Job, JobSpec } from '../../core/jobs/job';
import { isOver } from '../../core/jobs/job-state';

/** Jobs that were over when the window opened are not told again; one started since then is, though its end be all that was ever seen of it. */
export class JobEndings {
  private readonly told: Set<string>;

  /**
   * @param opened when the window opened, ISO 8601
   * @param jobs those found at the first look, which may itself have come after the first start
   */
  constructor(opened: string, jobs: readonly Job[]) {
    this.told = new Set(jobs.filter(({ state, startedAt }) => isOver(state) && startedAt < opened).map(({ id }) => id));
  }

  /** @returns the jobs that ended by themselves; who stops one knows that it stops. */
  look(jobs: readonly Job[]): Job[] {
    const ended = jobs.filter(({ id, state }) => isOver(state) && !this.told.has(id));
    for (const { id } of ended) this.told.add(id);
    return ended.filter(({ state }) => state !== 'stopped');
  }
}

export function endingOf({ spec, state, message, run }: Job): { readonly text: string; readonly isFailure: boolean } {
  const subject = subjectOf(spec, run);
  if (state === 'done') return { text: `${subject} is finished.`, isFailure: false };
  if (state === 'lost') return { text: `${subject} died without a word. ${spec.kind === 'evaluate' ? 'It can be started again.' : 'Its last checkpoint can be resumed.'}`, isFailure: true };
  return { text: `${subject} failed${message === undefined ? '.' : `: ${message}`}`, isFailure: true };
}

function subjectOf(spec: JobSpec, run: string | undefined): string {
  switch (spec.kind) {
    case 'pretrain':
      return `The run of ${path.basename(spec.configFile)}`;
    case 'sweep':
      return `The sweep of ${path.basename(spec.configFile)}`;
    case 'cell':
      return `Cell ${spec.index} of ${path.basename(spec.sweep, '.json')}`;
    case 'resume':
      return `${path.basename(run ?? spec.run)}, resumed,`;
    case 'evaluate':
      return `The evaluation of ${path.basename(run ?? spec.run)}`;
  }
}
