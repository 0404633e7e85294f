/** Whether runs that differ from the baseline in more than their seed are better, worse or within the noise of the seeds. */
import type { CompareData, RunKey, Scalar, SeedGroup } from '../protocol/dashboard';
import { meanDifference, meanInterval } from '../series/mean-interval';
import { configValues, differingKeys } from './config-values';
import { lastProbe, protocolsOf, topProbe } from './probe-results';
import type { SelectedRun } from './selected-run';

interface Measured {
  readonly run: SelectedRun;
  readonly accuracy: number;
}

/**
 * Of the first protocol, runs with equal configs but for the seed taken together, in the order of the rows.
 * @returns undefined without a baseline that was probed, or where no other group was
 */
export function seedNoise(rows: readonly SelectedRun[], baseline: RunKey | undefined, summary: 'best' | 'last' | 'smoothed'): CompareData['noise'] {
  const protocol = protocolsOf(rows.map(({ run }) => run))[0];
  if (protocol === undefined) return undefined;
  const measured = rows.flatMap((run): Measured[] => {
    const accuracy = (summary === 'best' ? topProbe : lastProbe)(run.run, protocol)?.top1;
    return accuracy === undefined || run.run.config === undefined ? [] : [{ run, accuracy }];
  });
  const keys = differingKeys(measured.map(({ run }) => run.run.config)).filter((key) => key !== 'seed');
  const valuesOf = ({ run }: Measured): Scalar[] => keys.map((key) => configValues(run.run.config!).get(key) ?? null);
  const byValues = new Map<string, Measured[]>();
  for (const one of measured) {
    const name = JSON.stringify(valuesOf(one));
    byValues.set(name, [...(byValues.get(name) ?? []), one]);
  }
  const groups = [...byValues.values()];
  const own = groups.find((group) => group.some(({ run }) => run.run.key === baseline));
  if (own === undefined || groups.length < 2) return undefined;
  return { protocol, keys, groups: groups.map((group) => seedGroup(group, own, valuesOf(group[0]!))) };
}

function seedGroup(group: readonly Measured[], own: readonly Measured[], values: readonly Scalar[]): SeedGroup {
  const accuracies = group.map(({ accuracy }) => accuracy);
  const base = { values, runs: group.map(({ run }) => run.run.key), mean: meanInterval(accuracies)!.mean };
  if (group === own) return { ...base, verdict: 'baseline' };
  const { difference, interval } = meanDifference(accuracies, own.map(({ accuracy }) => accuracy));
  if (interval === undefined) return { ...base, difference, verdict: 'too few seeds' };
  return { ...base, difference, interval, verdict: interval[0] > 0 ? 'better' : interval[1] < 0 ? 'worse' : 'within noise' };
}
