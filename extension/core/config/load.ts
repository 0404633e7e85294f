/** From a file to an experiment that can be trained, or all that is wrong with it at once. */
import { readFile } from 'node:fs/promises';
import { type Problem, UserError } from '../problems';
import { checkFiles } from './check-files';
import { NO_EFFECT } from './check-method';
import { formatProblems } from './format';
import { type Locator, sortProblems } from './location';
import type { Overrides } from './overrides';
import { parseTree } from './parse';
import { resolveExperiment } from './resolve';
import type { Experiment, LauncherConfig, ResolvedExperiment } from './schema';
import { YamlTree } from './yaml-tree';

/** An experiment that cannot be run. `message` is the whole report without colour. */
export class ConfigError extends UserError {
  constructor(readonly problems: readonly Problem[]) {
    super(problems[0]?.code ?? 'MIM1000', formatProblems(problems), undefined, 2);
  }
}

export interface LoadedExperiment {
  readonly resolved: ResolvedExperiment;
  /** The file's text, as written. */
  readonly source: string;
  /** It describes many runs; `resolved` is the experiment without what the sweep varies. */
  readonly isSweep: boolean;
  /** Who trains it. */
  readonly launcher: LauncherConfig;
  readonly warnings: Problem[];
  readonly locate: Locator;
}

export interface CheckedExperiment {
  /** As parsed; absent where it could not be. */
  readonly experiment?: Experiment;
  readonly resolved?: ResolvedExperiment;
  readonly problems: Problem[];
  readonly locate: Locator;
}

/** Parses and resolves a text; touches no files. */
export function checkText(text: string, file: string, overrides: Overrides = {}): CheckedExperiment {
  return checkTree(new YamlTree(text, file), overrides);
}

/** As {@link checkText}; the tree is written to. */
export function checkTree(tree: YamlTree, overrides: Overrides = {}): CheckedExperiment {
  const { experiment, problems, locate, frozen } = parseTree(tree, overrides);
  if (!experiment) return { problems, locate };
  const resolution = resolveExperiment(experiment, tree.file, { locate });
  const told = frozen ? resolution.problems.filter((problem) => problem.code !== NO_EFFECT) : resolution.problems;
  return { experiment, resolved: resolution.resolved, problems: told, locate };
}

/**
 * Reads, resolves and checks an experiment, the files it names included.
 *
 * @param overrides values by dotted key, as given with `--set`
 * @throws ConfigError with every problem found; UserError MIM1000 if the file cannot be read
 */
export async function loadExperiment(file: string, overrides: Overrides = {}): Promise<LoadedExperiment> {
  const source = await readSource(file);
  const { experiment, resolved, problems, locate } = checkText(source, file, overrides);
  if (experiment) problems.push(...(await checkFiles(experiment, file, locate)));
  if (!resolved || problems.some((problem) => problem.severity === 'error')) {
    throw new ConfigError(sortProblems(problems));
  }
  return { resolved, source, isSweep: experiment?.sweep !== undefined, launcher: experiment?.launcher ?? 'here', warnings: problems, locate };
}

/** @throws UserError MIM1000 */
export async function readSource(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    const reason = code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'it is a folder' : String(code ?? error);
    throw new UserError('MIM1000', `The experiment ${file} cannot be read: ${reason}.`, 'Give the path of a .mim.yaml file.', 2);
  }
}
