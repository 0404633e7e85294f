/** Which jobs have ended since the last look, and what is said of it. */
import path from 'node:path';
import type { Job } from '../../core/jobs/job';
import { isOver } from '../../core/jobs/job-state';

/** Only what was seen at work ends: jobs of yesterday are not told again when a window opens. */
export class JobEndings {
  private readonly atWork = new Set<string>();

  /** @returns the jobs that ended by themselves; who stops one knows that it stops. */
  look(jobs: readonly Job[]): Job[] {
    const ended = jobs.filter(({ id, state }) => isOver(state) && this.atWork.delete(id));
    for (const { id, state } of jobs) if (!isOver(state)) this.atWork.add(id);
    return ended.filter(({ state }) => state !== 'stopped');
  }
}

export function endingOf({ spec, state, message, run }: Job): { readonly text: string; readonly isFailure: boolean } {
  const what = spec.kind === 'pretrain' || spec.kind === 'sweep' ? path.basename(spec.configFile) : path.basename(run ?? spec.run);
  const subject = { pretrain: `The run of ${what}`, sweep: `The sweep of ${what}`, resume: `${what}, resumed,`, evaluate: `The evaluation of ${what}` }[spec.kind];
  if (state === 'done') return { text: `${subject} is finished.`, isFailure: false };
  if (state === 'lost') return { text: `${subject} died without a word. Its last checkpoint can be resumed.`, isFailure: true };
  return { text: `${subject} failed${message === undefined ? '.' : `: ${message}`}`, isFailure: true };
}
