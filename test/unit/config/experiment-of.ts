/** Experiments for tests, by the lines that differ. */
import { formatProblems } from '../../../extension/core/config/format';
import { checkText } from '../../../extension/core/config/load';
import type { ResolvedExperiment } from '../../../extension/core/config/schema';

/** A small valid experiment; the lines given replace top-level keys of the same name. */
export function experimentText(...lines: string[]): string {
  const keys = new Map<string, string>();
  for (const line of ['mim: 1', 'method: maskalign', 'data: { kind: shapes, image_size: 32 }', 'student: vit_tiny_patch4', 'teacher: { checkpoint: teacher.safetensors }', ...lines]) {
    keys.set(line.slice(0, line.indexOf(':')), line);
  }
  return [...keys.values()].filter((line) => !line.endsWith(': absent')).join('\n');
}

export function resolvedOf(...lines: string[]): ResolvedExperiment {
  const { resolved, problems } = checkText(experimentText(...lines), '/lab/my.mim.yaml');
  if (!resolved) throw new Error(problems.map(({ message }) => message).join('\n'));
  return resolved;
}

/** The report on an experiment of these lines. */
export function report(...lines: string[]): string {
  return formatProblems(checkText(lines.join('\n'), 'my.mim.yaml').problems);
}
