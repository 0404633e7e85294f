/** Which jobs have ended since the last look, and what is said of it. */
import path from 'node:path';
import type { Job } from '../../core/jobs/job';
import { isOver } from '../../core/jobs/job-state';

/** Jobs that were over when the window opened are not told again; one that dies before it was ever seen at work is. */
export class JobEndings {
  private readonly told: Set<string>;

  constructor(jobs: readonly Job[]) {
    this.told = new Set(jobs.filter(({ state }) => isOver(state)).map(({ id }) => id));
  }

  /** @returns the jobs that ended by themselves; who stops one knows that it stops. */
  look(jobs: readonly Job[]): Job[] {
    const ended = jobs.filter(({ id, state }) => isOver(state) && !this.told.has(id));
    for (const { id } of ended) this.told.add(id);
    return ended.filter(({ state }) => state !== 'stopped');
  }
}

export function endingOf({ spec, state, message, run }: Job): { readonly text: string; readonly isFailure: boolean } {
  const what = spec.kind === 'pretrain' || spec.kind === 'sweep' ? path.basename(spec.configFile) : path.basename(run ?? spec.run);
  const subject = { pretrain: `The run of ${what}`, sweep: `The sweep of ${what}`, resume: `${what}, resumed,`, evaluate: `The evaluation of ${what}` }[spec.kind];
  if (state === 'done') return { text: `${subject} is finished.`, isFailure: false };
  if (state === 'lost') return { text: `${subject} died without a word. ${spec.kind === 'evaluate' ? 'It can be started again.' : 'Its last checkpoint can be resumed.'}`, isFailure: true };
  return { text: `${subject} failed${message === undefined ? '.' : `: ${message}`}`, isFailure: true };
}
