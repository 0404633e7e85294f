/** The checker of the command line, for a text that is being written. */
import { checkFiles } from '../config/check-files';
import { type CheckedExperiment, checkText } from '../config/load';
import { sortProblems } from '../config/location';
import { expandSweep } from '../config/sweep';
import type { Problem } from '../problems';

/** What the YAML extension of Red Hat says of any YAML file. */
const SYNTAX: ReadonlySet<string> = new Set(['MIM1001', 'MIM1008']);

export interface CheckOptions {
  /** Faults of the YAML itself are told by another extension. */
  readonly syntaxElsewhere?: boolean;
}

/** Every problem that `mim pretrain` or `mim sweep` would tell, files included, in reading order. */
export async function checkWhileTyping(text: string, file: string, { syntaxElsewhere = false }: CheckOptions = {}): Promise<Problem[]> {
  const checked = checkText(text, file);
  const problems = [...ownProblems(text, file, checked)];
  if (checked.experiment) problems.push(...(await checkFiles(checked.experiment, file, checked.locate)));
  const told = syntaxElsewhere ? problems.filter(({ code }) => !SYNTAX.has(code)) : problems;
  return sortProblems(told);
}

/** Of a sweep the cells are what runs; what is wrong without it may be right in all of them. */
function ownProblems(text: string, file: string, { experiment, problems }: CheckedExperiment): readonly Problem[] {
  return experiment?.sweep === undefined ? problems : expandSweep(text, file).problems;
}
