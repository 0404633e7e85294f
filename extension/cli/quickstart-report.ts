/** The last page of the quickstart: what student, random student and teacher know, what it took, what to do next. */
import type { TrainingOutcome } from '../training/events';
import { duration, percent, rate } from '../core/text/format';
import { tableLines } from './table';
import { shortPath } from './train';

export interface QuickstartResult {
  /** Absent where a finished teacher was found and used again. */
  readonly teacher?: TrainingOutcome;
  readonly teacherRun: string;
  /** One a seed. */
  readonly students: readonly TrainingOutcome[];
  readonly seconds: number;
}

type Evaluation = TrainingOutcome['evaluations'][number];
type Subject = Evaluation['subject'];

const subjects: readonly (readonly [Subject, string])[] = [
  ['student', 'student, pretrained without labels'],
  ['random', 'student, random-initialised'],
  ['teacher', 'teacher'],
];
const protocolNames: Readonly<Record<string, string>> = { linear: 'linear probe', knn: 'kNN', classifier: 'classifier' };

export function quickstartReport(result: QuickstartResult): string[] {
  const readings = readingsOf(result.students);
  const seeds = result.students.length;
  return [
    `Top-1 accuracy on held-out images${seeds > 1 ? `: mean of ${seeds} seeds (lowest – highest)` : ''}`,
    '',
    ...accuracyTable(result.students, readings),
    '',
    ...readings.map((reading) => marginLine(result.students, reading)),
    '',
    ...costTable(result),
    '',
    `All of it took ${duration(result.seconds)}.`,
    '',
    ...nextSteps(result),
  ];
}

/** A protocol on a kind of features; a column of the table. */
interface Reading {
  readonly protocol: Evaluation['protocol'];
  readonly features: Evaluation['features'];
}

function readingsOf(students: readonly TrainingOutcome[]): Reading[] {
  const found = new Map<string, Reading>();
  for (const { protocol, features } of students[0]?.evaluations ?? []) found.set(`${protocol} ${features}`, { protocol, features });
  return [...found.values()];
}

/** The last accuracy of a subject in a run. */
function top1(outcome: TrainingOutcome, subject: Subject, { protocol, features }: Reading): number | undefined {
  return outcome.evaluations.findLast((one) => one.subject === subject && one.protocol === protocol && one.features === features)?.top1;
}

function accuracies(students: readonly TrainingOutcome[], subject: Subject, reading: Reading): number[] {
  return students.flatMap((outcome) => top1(outcome, subject, reading) ?? []);
}

function accuracyTable(students: readonly TrainingOutcome[], readings: readonly Reading[]): string[] {
  const rows = subjects.map(([subject, name]) => [name, ...readings.map((reading) => meanAndRange(accuracies(students, subject, reading)))]);
  const header = ['', ...readings.map(({ protocol, features }) => `${protocolNames[protocol] ?? protocol}, ${features}`)];
  return tableLines(header, rows, ['left', ...readings.map(() => 'right' as const)]);
}

function meanAndRange(shares: readonly number[]): string {
  if (shares.length === 0) return '–';
  const mean = shares.reduce((a, b) => a + b) / shares.length;
  return shares.length === 1 ? percent(mean) : `${percent(mean)} (${percent(Math.min(...shares))} – ${percent(Math.max(...shares))})`;
}

/** What pretraining brought, seed by seed. */
function marginLine(students: readonly TrainingOutcome[], reading: Reading): string {
  const margins = students.flatMap((outcome) => {
    const student = top1(outcome, 'student', reading);
    const random = top1(outcome, 'random', reading);
    return student === undefined || random === undefined ? [] : [`${student >= random ? '+' : '−'}${(100 * Math.abs(student - random)).toFixed(2)}`];
  });
  return `Pretrained over random-initialised, ${protocolNames[reading.protocol] ?? reading.protocol}, ${reading.features}: ${margins.length === 0 ? '–' : `${margins.join(', ')} points`}`;
}

function costTable({ teacher, teacherRun, students }: QuickstartResult): string[] {
  const row = (name: string, outcome: TrainingOutcome): string[] => [name, String(outcome.steps), duration(outcome.seconds), rate(outcome.imagesPerSecond), shortPath(outcome.run)];
  const rows = [
    teacher === undefined ? ['teacher', '', 'trained before', '', shortPath(teacherRun)] : row('teacher', teacher),
    ...students.map((outcome, index) => row(students.length === 1 ? 'student' : `student, seed ${index}`, outcome)),
  ];
  return tableLines(['', 'steps', 'time', 'images/s', 'run directory'], rows, ['left', 'right', 'right', 'right', 'left']);
}

function nextSteps({ students }: QuickstartResult): string[] {
  const run = shortPath(students[0]!.run);
  return [
    'What next:',
    `  node dist/mim.mjs inspect ${run}`,
    '  node dist/mim.mjs preview examples/quickstart.mim.yaml --output masks.png',
    '  node dist/mim.mjs pretrain examples/quickstart.mim.yaml --set masking.strategy=random --name random-masks',
    '  node dist/mim.mjs runs',
    'Your own images: docs/data.md. Every key of an experiment: docs/config.md.',
  ];
}
