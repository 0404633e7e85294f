/** Whether the alignment fits the depths of student and teacher. */
import type { Problem, Severity } from '../problems';
import { type Locator, nowhere } from './location';
import { ProblemList } from './problem-list';
import type { AlignmentConfig, ResolvedExperiment, VitShape } from './schema';

interface Conflict {
  readonly code: string;
  readonly keys: readonly string[];
  readonly message: string;
  readonly hint: string;
  readonly replacement?: string;
  readonly severity?: Severity;
}

/**
 * Conflicts between the alignment, a student of N blocks and a teacher of M.
 *
 * `fusion: linear` mixes N student levels into N; with N ≠ M there is no one-to-one pairing with the teacher's levels
 * (the official code indexes past the end of its heads), which only `sum`, an M × N mixing, provides.
 */
export function alignmentConflicts({ fusion, levels }: AlignmentConfig, studentDepth: number, teacherDepth: number): Conflict[] {
  const conflicts: Conflict[] = [];
  if (fusion !== 'sum' && studentDepth !== teacherDepth) {
    conflicts.push({
      code: 'MIM1109',
      keys: ['alignment.fusion', 'alignment', 'student'],
      message: `\`fusion: ${fusion}\` pairs levels one to one, but the student has ${studentDepth} blocks and the teacher ${teacherDepth}.`,
      hint: `Use \`fusion: sum\`, which mixes ${studentDepth} student levels into ${teacherDepth}, or a student of ${teacherDepth} blocks.`,
      replacement: 'sum',
    });
  }
  const [, kind, count = ''] = /^(top|mid)(\d+)$/.exec(levels) ?? [];
  const largest = kind === 'top' ? teacherDepth : teacherDepth - 1;
  if (kind && Number(count) > largest) {
    conflicts.push({
      code: 'MIM1108',
      keys: ['alignment.levels'],
      message: `\`levels: ${levels}\` reaches beyond the teacher’s ${teacherDepth} levels.`,
      hint: kind === 'top' ? `Use at most top${largest}; \`auto\` chooses.` : `Levels are counted from mid0 to mid${largest}.`,
      replacement: `${kind}${largest}`,
    });
  }
  if (levels === 'linear_decay' && teacherDepth === 1) {
    conflicts.push({
      code: 'MIM1108',
      keys: ['alignment.levels'],
      message: '`levels: linear_decay` gives the first level weight 0, and the teacher has only that one.',
      hint: 'Use `levels: out`.',
      replacement: 'out',
    });
  }
  return conflicts;
}

/**
 * What can only be said once the teacher has been read: whether its depth fits the alignment, and whether its
 * position table has to be resized to the student's grid.
 *
 * @param teacher its shape as imported; `imageSize` is the one its position table is for
 */
export function checkTeacherFit(resolved: ResolvedExperiment, teacher: VitShape, { file = resolved.name, locate = nowhere }: { file?: string; locate?: Locator } = {}): Problem[] {
  const problems = new ProblemList(file, locate);
  const conflicts = resolved.method === 'maskalign' ? alignmentConflicts(resolved.alignment, resolved.student.depth, teacher.depth) : [];
  for (const conflict of conflicts) {
    problems.add(conflict.code, conflict.keys, conflict.message, conflict);
  }
  const studentGrid = resolved.student.imageSize / resolved.student.patchSize;
  const teacherGrid = Math.floor(teacher.imageSize / teacher.patchSize);
  if (studentGrid !== teacherGrid) {
    problems.add(
      'MIM1301',
      'teacher.checkpoint',
      `The teacher’s grid of ${teacherGrid} × ${teacherGrid} patches is resized to the student’s ${studentGrid} × ${studentGrid}: it will see images of ${studentGrid * teacher.patchSize} pixels.`,
      { hint: `No deviation at data.image_size: ${teacherGrid * resolved.student.patchSize}.`, severity: 'warning' },
    );
  }
  return problems.all;
}
