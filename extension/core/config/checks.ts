/** What no single key can be blamed for: sizes that must divide each other, sections that need or exclude each other. */
import { alignmentConflicts } from './alignment-fit';
import { checkEvaluations } from './check-evaluations';
import { checkMethod, warnUnused } from './check-method';
import { computesInFloat16, needsGpu } from './engine-traits';
import type { ProblemList } from './problem-list';
import type { ResolvedExperiment } from './schema';

/**
 * @param teacherDepth blocks of the teacher, if known; what depends on it is otherwise checked when the teacher is imported
 */
export function checkExperiment(resolved: ResolvedExperiment, problems: ProblemList, teacherDepth: number | undefined): void {
  checkStudent(resolved, problems);
  checkData(resolved, problems);
  checkMethod(resolved, problems);
  if (resolved.method === 'maskalign' && teacherDepth !== undefined) checkAlignment(resolved, problems, teacherDepth);
  checkOptimizer(resolved, problems);
  checkSchedule(resolved, problems);
  checkEngine(resolved, problems);
  checkEvaluations(resolved, problems);
}

function checkStudent({ student }: ResolvedExperiment, problems: ProblemList): void {
  const { imageSize, patchSize, width, heads } = student;
  if (imageSize % patchSize !== 0) {
    const fitting = nearestMultiple(imageSize, patchSize);
    problems.add('MIM1103', ['data.image_size', 'student.patch_size', 'student'], `Patches of ${patchSize} pixels do not divide images of ${imageSize}.`, {
      hint: `Use data.image_size: ${fitting}, or a patch size that divides ${imageSize}: ${divisors(imageSize, 64).join(', ')}.`,
      replacement: String(fitting),
    });
  }
  if (width % heads !== 0) {
    problems.add('MIM1104', ['student.heads', 'student.width', 'student'], `${heads} heads do not divide the width ${width}.`, {
      hint: `Use a number of heads among ${divisors(width, 64).join(', ')}; 64 channels a head are usual.`,
    });
  }
  if (width % 4 !== 0) {
    problems.add('MIM1105', ['student.width', 'student'], `The width ${width} is not a multiple of 4.`, {
      hint: `Sine and cosine of two coordinates fill a quarter of the width each; use ${nearestMultiple(width, 4)}.`,
      replacement: String(nearestMultiple(width, 4)),
    });
  }
  if (!Number.isInteger(width * student.mlpRatio)) {
    problems.add('MIM1106', ['student.mlp_ratio', 'student'], `An mlp_ratio of ${student.mlpRatio} makes the MLP ${show(width * student.mlpRatio)} wide.`, {
      hint: `width · mlp_ratio must be a whole number; ${Math.max(1, Math.round(student.mlpRatio))} is.`,
      replacement: String(Math.max(1, Math.round(student.mlpRatio))),
    });
  }
}

function checkEngine({ engine, teacher }: ResolvedExperiment, problems: ProblemList): void {
  if (engine.device !== undefined && !needsGpu(engine)) warnUnused('engine.device', `\`engine: ${engine.kind}\` computes on the processor`, problems);
  if (engine.precision !== 'float16') return;
  if (teacher?.dtype === 'int8') {
    problems.add('MIM1122', ['engine.precision', 'teacher.dtype'], 'No engine computes in both float16 and int8.', { hint: 'Leave `engine.precision` or `teacher.dtype` out.' });
  } else if (engine.kind !== 'auto' && !computesInFloat16(engine.kind)) {
    problems.add('MIM1122', ['engine.precision', 'engine.kind', 'engine'], `\`engine: ${engine.kind}\` does not compute in float16.`, { hint: 'Use `kind: wgsl`, or leave `precision` out.' });
  }
}

function checkData({ data }: ResolvedExperiment, problems: ProblemList): void {
  if (data.kind !== 'shapes' && data.path === undefined) {
    problems.add('MIM1117', 'data.path', '`data.path` is missing: where are the images?', {
      hint: 'Give a folder with one folder a class, a tar, or another of the kinds; `kind: shapes` makes its own images.',
    });
  }
  const foreign = data.kind === 'shapes' ? ['path', 'test_path', 'holdout'] : ['size', 'test_size'];
  for (const key of foreign) warnUnused(`data.${key}`, data.kind === 'shapes' ? '`kind: shapes` makes its own images' : 'only `kind: shapes` makes images', problems);
  for (const key of ['crop_scale', 'crop_ratio'] as const) {
    const [low, high] = data[key];
    if (low <= high) continue;
    problems.add('MIM1114', `data.${key}`, `\`data.${key}\` runs from ${low} down to ${high}.`, {
      hint: `The smaller end comes first: [${high}, ${low}].`,
      replacement: `[${high}, ${low}]`,
    });
  }
}

function checkAlignment(resolved: ResolvedExperiment, problems: ProblemList, teacherDepth: number): void {
  for (const conflict of alignmentConflicts(resolved.alignment, resolved.student.depth, teacherDepth)) {
    problems.add(conflict.code, conflict.keys, conflict.message, conflict);
  }
}

function checkOptimizer({ optimizer, schedule, derived, teacher }: ResolvedExperiment, problems: ProblemList): void {
  const { batch_size: batch, accumulate } = optimizer;
  if (batch % accumulate !== 0) {
    const choices = divisors(batch, 64).filter((size) => size > 1);
    problems.add('MIM1111', 'optimizer.accumulate', `A batch of ${batch} cannot be split into ${accumulate} equal passes.`, {
      hint: `\`accumulate\` must divide \`batch_size\`: ${choices.join(', ')}.`,
    });
  }
  if (schedule.min_lr > derived.learningRate) {
    const from = optimizer.lr === undefined ? ` (blr ${optimizer.blr} · batch ${batch} / 256)` : '';
    problems.add('MIM1115', ['schedule.min_lr', 'optimizer.lr', 'optimizer.blr', 'optimizer.batch_size'], `The learning rate ${show(derived.learningRate)}${from} is below \`schedule.min_lr\`, ${schedule.min_lr}.`, {
      hint: 'The rate falls from the one to the other: lower `schedule.min_lr`, or raise `optimizer.blr`.',
    });
  }
  if (optimizer.lr !== undefined) warnUnused('optimizer.blr', '`optimizer.lr` overrides it', problems);
  if (teacher?.ema) warnUnused('optimizer.ema', 'the teacher is the average of the student already, with `teacher.ema` as its momentum', problems);
}

function checkSchedule({ schedule }: ResolvedExperiment, problems: ProblemList): void {
  if (schedule.warmup_epochs < schedule.epochs) return;
  problems.add('MIM1110', ['schedule.warmup_epochs', 'schedule.epochs'], `A warm-up of ${schedule.warmup_epochs} epochs leaves nothing of ${schedule.epochs}.`, {
    hint: `Use fewer warm-up epochs than epochs; a tenth, ${show(schedule.epochs / 10)}, is the default.`,
    replacement: show(schedule.epochs / 10),
  });
}

function divisors(value: number, largest: number): number[] {
  const found: number[] = [];
  for (let size = 1; size <= Math.min(value, largest); size++) {
    if (value % size === 0) found.push(size);
  }
  return found;
}

function nearestMultiple(value: number, factor: number): number {
  return Math.max(1, Math.round(value / factor)) * factor;
}

function show(value: number): string {
  return String(Number(value.toPrecision(4)));
}
