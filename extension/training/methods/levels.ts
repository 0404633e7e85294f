/** Weights of the teacher's levels in the alignment loss. */
import { resolveLevels } from '../../core/config/levels';
import { UserError } from '../../core/problems';

/**
 * One weight a teacher block, 0-based.
 *
 * `mean`: 1/M each. `out`: the last only. `linear_decay`: proportional to the 0-based index, so nothing for the
 * first and most for the last, summing to 1. `topK`: 1/K on the last K. `midK`: 1 on index K.
 * @param name as in `alignment.levels`; `auto` is the scaled top 5
 */
export function levelWeights(name: string, teacherDepth: number): number[] {
  const levels = Array.from({ length: teacherDepth }, (_, level) => level);
  const resolved = resolveLevels(name, teacherDepth);
  if (resolved === 'mean') return levels.map(() => 1 / teacherDepth);
  if (resolved === 'out') return levels.map((level) => (level === teacherDepth - 1 ? 1 : 0));
  if (resolved === 'linear_decay') {
    if (teacherDepth === 1) throw new UserError('MIM5001', 'alignment.levels is linear_decay, but the teacher has one block, whose weight would be 0.', 'Use `out`.');
    return levels.map((level) => (2 * level) / (teacherDepth * (teacherDepth - 1)));
  }
  const [, kind, digits] = /^(top|mid)(\d+)$/.exec(resolved) ?? [];
  if (!kind) throw new UserError('MIM5002', `alignment.levels is ${name}, which is none of auto, mean, out, linear_decay, topK, midK.`);
  const count = Number(digits);
  if (kind === 'top') {
    if (count < 1 || count > teacherDepth) throw new UserError('MIM5003', `alignment.levels is ${name}, but the teacher has ${teacherDepth} blocks.`, `Use top1 to top${teacherDepth}.`);
    return levels.map((level) => (level >= teacherDepth - count ? 1 / count : 0));
  }
  if (count >= teacherDepth) throw new UserError('MIM5003', `alignment.levels is ${name}, but the teacher's ${teacherDepth} blocks are counted from 0.`, `Use mid0 to mid${teacherDepth - 1}.`);
  return levels.map((level) => (level === count ? 1 : 0));
}
