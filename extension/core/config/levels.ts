/** `alignment.levels: auto` written out, and which levels then have a loss. */
import type { ResolvedExperiment } from './schema';

/** The official recipe aligns the last 5 of 12 levels. */
const ALIGNED_SHARE = 5 / 12;

/** `auto` → the official top 5 of 12, scaled to a teacher of another depth; other names are themselves. */
export function resolveLevels(levels: string, teacherDepth: number): string {
  return levels === 'auto' ? `top${Math.max(1, Math.round(ALIGNED_SHARE * teacherDepth))}` : levels;
}

/**
 * The number of the first level with a loss of its own, counted from 1: with `top5` of 12, level 8. The teacher is taken
 * to be as deep as the student, as it is unless `fusion` is `sum`.
 */
export function firstLossLevel(config: ResolvedExperiment | undefined): number {
  const kind = /^(out|top|mid)(\d*)$/.exec(config?.derived.levels ?? '');
  if (!config || !kind) return 1;
  const count = Number(kind[2] || 1);
  return kind[1] === 'mid' ? count + 1 : Math.max(1, config.student.depth - count + 1);
}
