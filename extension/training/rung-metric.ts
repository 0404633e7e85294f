/** How good a run is at a rung of successive halving. */
import { evaluationSchema, type EvaluationConfig, type HalvingConfig, type ResolvedExperiment } from '../core/config/schema';
import { parseResolved } from '../core/config/freeze';
import { RunDirectory } from '../core/runs/run-directory';
import { evaluateRun } from './evaluate';
import { recordedResults, resultName } from './probe-results';

/**
 * A probe of the newest checkpoint, taken from the run where it is recorded there; or the mean loss of the last epoch.
 *
 * @returns undefined where the run has no checkpoint or no record yet
 */
export async function rungMetric(folder: string, metric: HalvingConfig['metric'], onMessage: (line: string) => void): Promise<number | undefined> {
  const run = await RunDirectory.open(folder);
  if (metric === 'loss') return lastLoss(run);
  const checkpoint = await run.latestGoodCheckpoint();
  if (checkpoint === undefined) return undefined;
  const evaluation = protocolOf(parseResolved(await run.readConfig()), metric);
  const known = (await recordedResults(run, checkpoint.step)).find(({ name, step }) => name === resultName(evaluation, 'student') && step === checkpoint.step);
  if (known) return known.top1;
  const [result] = await evaluateRun({ target: checkpoint.path, evaluation, onMessage });
  return result?.top1;
}

/** As the experiment evaluates the last layer by it with all labels, otherwise by its defaults. */
function protocolOf({ evaluate }: ResolvedExperiment, protocol: 'knn' | 'linear'): EvaluationConfig {
  return { ...(evaluate.find((config) => config.protocol === protocol && config.layers === undefined && config.label_fraction === undefined) ?? evaluationSchema.parse({ protocol })), baselines: false };
}

async function lastLoss(run: RunDirectory): Promise<number | undefined> {
  const records = (await run.readMetrics()).flatMap(({ epoch, loss }) => (typeof epoch === 'number' && typeof loss === 'number' ? [{ epoch, loss }] : []));
  const last = records.at(-1)?.epoch;
  if (last === undefined) return undefined;
  const losses = records.filter(({ epoch }) => epoch > last - 1).map(({ loss }) => loss);
  return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
}
