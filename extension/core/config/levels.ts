/** `alignment.levels: auto` written out. */

/** The official recipe aligns the last 5 of 12 levels. */
const ALIGNED_SHARE = 5 / 12;

/** `auto` → the official top 5 of 12, scaled to a teacher of another depth; other names are themselves. */
export function resolveLevels(levels: string, teacherDepth: number): string {
  return levels === 'auto' ? `top${Math.max(1, Math.round(ALIGNED_SHARE * teacherDepth))}` : levels;
}
