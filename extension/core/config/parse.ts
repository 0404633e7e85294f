/** The text of an experiment → a typed experiment with defaults, or problems with line and column. */
import type { Problem } from '../problems';
import { type Locator, sortProblems } from './location';
import { type Overrides, applyOverrides } from './overrides';
import { type Experiment, experimentSchema } from './schema';
import { YamlTree } from './yaml-tree';
import { problemsOfIssue } from './zod-problems';

/** More would not be read. */
const MAX_PROBLEMS = 100;

export interface ParsedExperiment {
  /** Absent where a problem is an error. */
  readonly experiment?: Experiment;
  readonly problems: Problem[];
  readonly locate: Locator;
  /** Whether it is the config.yaml of a run, in which every key is written, also those without effect. */
  readonly frozen?: boolean;
}

/** Whether a file is an experiment: by name (`*.mim.yaml`), or a YAML file with `mim: 1` at the left margin. */
export function isExperimentFile(name: string, text: string): boolean {
  if (/\.mim\.ya?ml$/i.test(name)) return true;
  return /\.ya?ml$/i.test(name) && /^(["']?)mim\1[ \t]*:[ \t]*1[ \t]*(#.*)?\r?$/m.test(text);
}

/**
 * Reads an experiment.
 *
 * The values that `mim` itself adds to a run's config.yaml (`derived`) are passed over, so that such a file can be run again.
 *
 * @param file its name, for the problems
 */
export function parseExperiment(text: string, file: string, overrides: Overrides = {}): ParsedExperiment {
  return parseTree(new YamlTree(text, file), overrides);
}

/** As {@link parseExperiment}; the tree is written to. */
export function parseTree(tree: YamlTree, overrides: Overrides = {}): ParsedExperiment {
  const locate: Locator = (key, part) => tree.locate(key.split('.'), part);
  if (!tree.complete) return { problems: capped(tree.problems), locate };
  const { value } = tree;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { problems: [notAnExperiment(tree.file)], locate };
  }
  const frozen = 'derived' in value;
  if (frozen) delete value.derived;
  const problems = [...tree.problems, ...applyOverrides(tree, overrides)];

  const parsed = experimentSchema.safeParse(value);
  if (!parsed.success) problems.push(...parsed.error.issues.flatMap((issue) => problemsOfIssue(issue, value, tree)));
  if (!parsed.success || problems.length > 0) return { problems: capped(problems), locate };
  return { experiment: parsed.data, problems, locate, frozen };
}

function notAnExperiment(file: string): Problem {
  return {
    code: 'MIM1002',
    severity: 'error',
    file,
    message: 'This is not an experiment: it has no keys.',
    hint: 'An experiment begins with `mim: 1`, followed by keys such as `method: maskalign` and `data:`.',
  };
}

function capped(problems: readonly Problem[]): Problem[] {
  return sortProblems(problems).slice(0, MAX_PROBLEMS);
}
