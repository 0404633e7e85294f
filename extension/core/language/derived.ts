/** Values that follow from several keys, each beside the key where a reader wonders about it. */
import { gmacPerImage } from '../config/cost';
import { visibleCount } from '../config/keep-count';
import { hidesPatches, type MethodName, readsTeacher } from '../config/method-traits';
import type { ResolvedExperiment, SweepConfig } from '../config/schema';
import { headsName, stepCounts } from '../config/summary';
import { axisSizes, combinationCount } from '../config/sweep-combinations';
import type { LibraryRun } from '../library/library-run';
import { comparableRuns } from './past-runs';

const GRID_OF_PATCHES = ['data.image_size', 'student'];

export interface DerivedValue {
  /** Keys beside which it may stand: the first that is written. */
  readonly keys: readonly string[];
  /** Sections and keys it is computed from. */
  readonly from: readonly string[];
  /** At the end of the line: `lr 6e-4`. */
  readonly short: string;
  /** Markdown, with the computation. */
  readonly long: string;
}

/**
 * What holds for every run of the experiment: of what a sweep varies, only that which follows from the swept key alone.
 *
 * @param runs to learn from them how many images there are
 */
export function derivedValues(resolved: ResolvedExperiment, runs: readonly LibraryRun[] = [], sweep?: SweepConfig): DerivedValue[] {
  const { method } = resolved;
  const values = [rate(resolved), ...(hidesPatches(method) ? [kept(resolved)] : []), ...(method === 'maskalign' ? levels(resolved) : []), ...steps(resolved, runs), cost(resolved)];
  const known = values.filter((value) => value !== undefined);
  if (!sweep) return known;
  const swept = sweptKeys(sweep);
  return [...known.filter(({ from }) => !from.some((source) => swept.some((key) => overlap(source, key)))), ...sweptKept(resolved, sweep), cells(sweep)];
}

/** Every key that may differ between the cells. */
function sweptKeys({ grid, list = [], random, conditions = [] }: SweepConfig): string[] {
  return [grid, ...list, random?.keys ?? {}, ...conditions.map(({ set = {} }) => set)].flatMap((values) => Object.keys(values));
}

/** Whether one is the other or a section around it. */
function overlap(a: string, b: string): boolean {
  return a === b || a.startsWith(`${b}.`) || b.startsWith(`${a}.`);
}

function rate({ optimizer, derived }: ResolvedExperiment): DerivedValue | undefined {
  if (optimizer.lr !== undefined) return undefined;
  const lr = show(derived.learningRate);
  return {
    keys: ['optimizer.blr', 'optimizer.batch_size', 'optimizer'],
    from: ['optimizer.blr', 'optimizer.lr', 'optimizer.batch_size'],
    short: `lr ${lr}`,
    long: `Learning rate: **${lr}** = blr ${optimizer.blr} · batch ${optimizer.batch_size} / 256`,
  };
}

function kept({ derived, masking, student, method }: ResolvedExperiment): DerivedValue {
  const side = Math.round(Math.sqrt(derived.patchCount));
  const counted = countedAs(masking, side, method);
  return {
    keys: ['masking.ratio', 'masking'],
    from: ['masking.ratio', ...GRID_OF_PATCHES],
    short: `keeps ${derived.keepCount} of ${derived.patchCount}`,
    long: `The student sees **${derived.keepCount} of ${derived.patchCount} patches** = ${counted}, for patches of ${student.patchSize} at ${student.imageSize} px`,
  };
}

function countedAs({ strategy, ratio, throw_ratio: thrown, unit = 1 }: ResolvedExperiment['masking'], side: number, method: MethodName): string {
  if (strategy === 'coarse') return `${side}² − ceil(${side / unit}² · ${ratio}) squares of ${unit}²`;
  if (strategy === 'grid') return `${side}² / 4`;
  if (thrown !== undefined) return `${side}² − trunc(${side}² · (${ratio} + ${thrown}))`;
  return method === 'umt' ? `${side}² − trunc(${side}² · ${ratio})` : `trunc(${side}² · (1 − ${ratio}))`;
}

/** Of each swept ratio. */
function sweptKept({ derived, method, masking }: ResolvedExperiment, sweep: SweepConfig): DerivedValue[] {
  const ratios = sweep.grid['masking.ratio']?.filter((value) => typeof value === 'number');
  if (!hidesPatches(method) || !ratios?.length || GRID_OF_PATCHES.some((source) => sweptKeys(sweep).some((key) => overlap(source, key)))) return [];
  const counts = `${ratios.map((ratio) => visibleCount({ ...masking, ratio }, derived.patchCount, method)).join(', ')} of ${derived.patchCount}`;
  return [{ keys: ['sweep.grid.masking.ratio'], from: [], short: `keeps ${counts}`, long: `The student sees **${counts} patches**, in the order of the ratios` }];
}

function levels({ alignment, derived, student, teacher }: ResolvedExperiment): DerivedValue[] {
  if (alignment.levels !== 'auto') return [];
  const assumed = teacher?.ema ? '' : ', if the teacher is as deep as the student';
  return [{ keys: ['alignment.levels', 'alignment'], from: ['alignment.levels', 'student', 'teacher'], short: derived.levels, long: `Levels: **${derived.levels}** of ${student.depth}${assumed}` }];
}

function steps(resolved: ResolvedExperiment, runs: readonly LibraryRun[]): DerivedValue[] {
  const perEpoch = stepsPerEpoch(resolved, runs);
  if (perEpoch === undefined) return [];
  const { total } = stepCounts(resolved, perEpoch * resolved.optimizer.batch_size);
  const { epochs, max_steps } = resolved.schedule;
  const cut = max_steps === total ? ', cut short by `max_steps`' : '';
  return [{ keys: ['schedule.epochs', 'schedule'], from: ['schedule', 'data', 'optimizer.batch_size'], short: `${total} steps`, long: `Steps: **${total}** = ${epochs} epochs · ${perEpoch} steps of ${resolved.optimizer.batch_size} images${cut}` }];
}

/** Known for images that are made; otherwise as an earlier run on the same data found it. */
function stepsPerEpoch(resolved: ResolvedExperiment, runs: readonly LibraryRun[]): number | undefined {
  const { data, optimizer } = resolved;
  if (data.kind === 'shapes') return stepCounts(resolved, Math.min(data.size, data.limit ?? data.size)).perEpoch;
  for (const { config, status } of comparableRuns(runs, resolved)) {
    if (config?.optimizer.batch_size !== optimizer.batch_size || config.data.holdout !== data.holdout || config.schedule.max_steps !== undefined) continue;
    if (status && status.totalEpochs > 0) return Math.round(status.totalSteps / status.totalEpochs);
  }
  return undefined;
}

function cost(resolved: ResolvedExperiment): DerivedValue {
  const { step, student, heads, teacher } = gmacPerImage(resolved);
  const taught = readsTeacher(resolved);
  const behind = heads > 0 ? ` + ${headsName(resolved)} ${show(heads)}` : '';
  const trained = behind === '' ? `student ${show(student)}` : `(student ${show(student)}${behind})`;
  const parts = taught ? ` = 3 · ${trained} + teacher ${show(teacher)}${resolved.teacher?.ema ? '' : ', the teacher taken to be as large as the student'}` : ` = 3 · ${trained}`;
  return { keys: ['student'], from: ['student', 'masking.ratio', 'data.image_size', 'alignment', 'teacher'], short: `${show(step)} GMAC/image`, long: `Cost of a step: **${show(step)} GMAC an image**${parts}` };
}

function cells(sweep: SweepConfig): DerivedValue {
  const axes = axisSizes(sweep);
  const count = combinationCount(sweep);
  // Conditions exclude cells, or make some equal.
  const short = `${sweep.conditions ? 'at most ' : ''}${count} run${count === 1 ? '' : 's'}`;
  return { keys: ['sweep'], from: [], short, long: `The sweep is **${short}** = ${axes.map(({ name, size }) => `${size} ${name}`).join(' · ')}` };
}

function show(value: number): string {
  return String(Number(value.toPrecision(3)));
}
