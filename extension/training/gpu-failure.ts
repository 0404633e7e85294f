/** What the failure of a GPU means for a training: what would fit, and where it goes on. What was on the GPU cannot be read any more. */
import type { ResolvedExperiment } from '../core/config/schema';
import { smallerPasses } from '../core/config/smaller-passes';
import { UserError } from '../core/problems';
import type { RunDirectory } from '../core/runs/run-directory';
import { GPU_FULL, GPU_LOST } from './engines/gpu-errors';

/** The error itself where it is of something else. */
export async function explainGpuFailure(error: unknown, run: RunDirectory, experiment: ResolvedExperiment): Promise<unknown> {
  if (!(error instanceof UserError) || (error.code !== GPU_LOST && error.code !== GPU_FULL)) return error;
  const last = (await run.listCheckpoints()).at(-1);
  const message = `${error.message.replace(/\.?$/, '.')} ${last ? `The last checkpoint is that of step ${last.step}.` : 'There is no checkpoint yet.'}`;
  const resume = `\`mim resume ${run.path}\` ${last ? 'goes on from there' : 'begins anew'}`;
  if (error.code === GPU_LOST) return new UserError(GPU_LOST, message, `${resume} once the GPU is back. Its driver was reset or it was taken away: the log of the system (\`dmesg\`) says more.`);
  return new UserError(GPU_FULL, message, `${whatWouldFit(experiment)} Where others took the memory, ${resume}.`);
}

function whatWouldFit(experiment: ResolvedExperiment): string {
  const { batch_size: batch, accumulate } = experiment.optimizer;
  const [passes] = smallerPasses(experiment);
  if (passes === undefined) return 'A new run needs a smaller `optimizer.batch_size`.';
  return `A new run with \`--set optimizer.accumulate=${passes}\` computes ${batch / passes} images at a time instead of ${batch / accumulate}, with the same ${batch} a step.`;
}
