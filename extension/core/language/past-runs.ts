/** What earlier runs say about an experiment. */
import type { ResolvedExperiment } from '../config/schema';
import type { LibraryRun } from '../library/library-run';
import { bestProbe } from '../runs/run-report';

/** The best result of the runs at one mask ratio. */
export interface RatioResult {
  readonly ratio: number;
  readonly protocol: string;
  /** Share of the test images, 0–1. */
  readonly top1: number;
  readonly run: LibraryRun;
  /** Runs with a result at this ratio. */
  readonly count: number;
}

/** The experiment a run or a text belongs to. */
export interface ExperimentName {
  readonly file: string;
  readonly name?: string;
}

/** Runs of this very file, or else of an experiment of its name; newest first. */
export function runsOf(runs: readonly LibraryRun[], { file, name }: ExperimentName): LibraryRun[] {
  const wanted = plainPath(file);
  const own = runs.filter((run) => run.experimentFile !== undefined && plainPath(run.experimentFile) === wanted);
  return own.length > 0 || name === undefined ? own : runs.filter((run) => run.experimentFile === undefined && run.config?.name === name);
}

/** On Windows `C:/lab` and `c:\\lab` are one place. */
function plainPath(path: string): string {
  return /^[a-z]:[\\/]/i.test(path) ? path.replaceAll('\\', '/').toLowerCase() : path;
}

/** Runs whose numbers may be put beside this experiment's: of the same method, on the same data. */
export function comparableRuns(runs: readonly LibraryRun[], { method, data }: ResolvedExperiment): LibraryRun[] {
  const same = dataIdentity(data);
  return runs.filter(({ config }) => config?.method === method && dataIdentity(config.data) === same);
}

function dataIdentity({ kind, path, test_path, image_size, size, test_size, seed, limit, test_limit }: ResolvedExperiment['data']): string {
  const made = kind === 'shapes' ? [size, test_size] : [path, test_path];
  return JSON.stringify([kind === 'shapes', image_size, seed, limit, test_limit, ...made]);
}

/** By ratio, ascending; of one protocol, `linear` where any run has it. */
export function resultsByRatio(runs: readonly LibraryRun[], resolved: ResolvedExperiment): RatioResult[] {
  const comparable = comparableRuns(runs, resolved);
  const protocol = comparable.map((run) => bestProbe(run.evaluations)?.protocol).find((name, _i, all) => name !== undefined && (name === 'linear' || !all.includes('linear')));
  if (protocol === undefined) return [];
  const results = new Map<number, RatioResult>();
  for (const run of comparable) {
    const probe = bestProbe(run.evaluations, protocol);
    const ratio = run.config!.masking.ratio;
    if (!probe) continue;
    const before = results.get(ratio);
    const better = !before || probe.top1 > before.top1 ? { top1: probe.top1, run } : { top1: before.top1, run: before.run };
    results.set(ratio, { ratio, protocol, ...better, count: (before?.count ?? 0) + 1 });
  }
  return [...results.values()].sort((a, b) => a.ratio - b.ratio);
}

const BARS = '▁▂▃▄▅▆▇█';

/** One bar a value, from the least to the greatest. */
export function sparkline(values: readonly number[]): string {
  const least = Math.min(...values);
  const extent = Math.max(...values) - least;
  return values.map((value) => BARS[extent === 0 ? BARS.length - 1 : Math.round(((value - least) / extent) * (BARS.length - 1))]).join('');
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

const AGES: readonly [number, string][] = [[86_400_000, 'd'], [3_600_000, 'h'], [60_000, 'min']];

/** `2 h ago`. @param now milliseconds since 1970 */
export function age(isoTime: string, now: number): string {
  const passed = now - Date.parse(isoTime);
  for (const [unit, name] of AGES) {
    if (passed >= unit) return `${Math.floor(passed / unit)} ${name} ago`;
  }
  return 'just now';
}
