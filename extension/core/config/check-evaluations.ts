/** Whether the entries of `evaluate` say when they take place, and what would have no effect in them. */
import { warnUnused } from './check-method';
import { evaluationName, FIGURE_KEYS, PROTOCOL_KEYS } from './evaluation-name';
import type { ProblemList } from './problem-list';
import type { EvaluationConfig, ResolvedExperiment } from './schema';

export function checkEvaluations({ evaluate, student }: ResolvedExperiment, problems: ProblemList): void {
  evaluate.forEach((evaluation, index) => {
    checkEvaluation(evaluation, `evaluate.${index}`, problems);
    checkLayers(evaluation, `evaluate.${index}`, student.depth, problems);
    checkLabelFraction(evaluation, `evaluate.${index}`, problems);
  });
  warnRepeated(evaluate, problems);
}

function checkEvaluation(evaluation: EvaluationConfig, key: string, problems: ProblemList): void {
  const { protocol, every, at } = evaluation;
  if (every === undefined && at === undefined) {
    problems.add('MIM1113', key, `This ${protocol} evaluation says neither when nor how often.`, {
      hint: 'Add `every: 10` (epochs), `at: end`, or both.',
    });
  }
  const own: readonly string[] = PROTOCOL_KEYS[protocol];
  for (const name of FIGURE_KEYS.filter((figureKey) => !own.includes(figureKey))) warnUnused(`${key}.${name}`, `the ${protocol} protocol does not use it`, problems);
}

function checkLayers({ layers }: EvaluationConfig, key: string, depth: number, problems: ProblemList): void {
  if (layers === undefined || layers === 'all') return;
  const beyond = layers.find((layer) => layer > depth);
  if (beyond === undefined) return;
  problems.add('MIM1130', `${key}.layers`, `There is no layer ${beyond}: the student has ${depth} blocks.`, { hint: `Layers are counted from 1 to ${depth}; \`all\` is every one.` });
}

function checkLabelFraction({ protocol, preset, label_fraction: fraction }: EvaluationConfig, key: string, problems: ProblemList): void {
  if (protocol === 'linear' && fraction === undefined) warnUnused(`${key}.draws`, 'without `label_fraction` every label is used', problems);
  if (protocol !== 'linear' || fraction === undefined || preset === 'small') return;
  problems.add('MIM1131', [`${key}.preset`, `${key}.label_fraction`], `\`label_fraction\` goes with \`preset: small\`, not with \`${preset}\`, which sees every training image afresh.`, { hint: 'Leave `preset` out.' });
}

/** Two of the same at the end give the same number twice. */
function warnRepeated(evaluations: readonly EvaluationConfig[], problems: ProblemList): void {
  const seen = new Map<string, number>();
  for (const [index, evaluation] of evaluations.entries()) {
    const { protocol, at, layers } = evaluation;
    if (at !== 'end') continue;
    const measured = JSON.stringify([evaluationName(evaluation), layers]);
    const first = seen.get(measured);
    if (first === undefined) seen.set(measured, index);
    else problems.add('MIM1118', `evaluate.${index}`, `This ${protocol} evaluation at the end is the same as entry ${first + 1} of the list.`, { hint: 'Remove one, or vary what it measures.', severity: 'warning' });
  }
}
