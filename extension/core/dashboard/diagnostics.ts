/** What the levels of runs do: one measure over levels at a step or over steps at a level, CKA with the teacher, loss by mask ratio. */
import type { LibraryRun } from '../library/library-run';
import type { DashboardState, DiagnosticsData, Matrix } from '../protocol/dashboard';
import type { Diagnostics, LevelDiagnostics } from '../runs/diagnostics';
import type { DiagnosedRuns } from './diagnosed-runs';

type Subject = DiagnosticsData['lines'][number]['subject'];
type ReadLevels = (record: Diagnostics, subject: Subject) => readonly number[] | undefined;

interface Measure {
  readonly label: string;
  /** By level, the first first; undefined where the record does not say it of the subject. */
  readonly read: ReadLevels;
}

/** In the order in which they are offered. */
const MEASURES: Readonly<Record<string, Measure>> = {
  attentionDistance: { label: 'Attention distance (patches)', read: ofEncoder(({ attentionDistance }) => mean(attentionDistance)) },
  attentionEntropy: { label: 'Attention entropy (of log L)', read: ofEncoder(({ attentionEntropy }) => mean(attentionEntropy)) },
  attentionNmi: { label: 'NMI of query and key', read: ofEncoder(({ attentionNmi }) => mean(attentionNmi)) },
  headLikeness: { label: 'Likeness of heads', read: ofEncoder(({ headLikeness }) => headLikeness ?? NaN) },
  tokenUniformity: { label: 'Likeness of tokens', read: ofEncoder(({ tokenUniformity }) => tokenUniformity) },
  fourierLogAmplitude: { label: 'Δ log amplitude (Fourier)', read: ofEncoder(({ fourierLogAmplitude }) => fourierLogAmplitude) },
  rankMe: { label: 'RankMe', read: ofEncoder(({ rankMe }) => rankMe) },
  collapseStd: { label: 'Collapse std', read: ofEncoder(({ collapseStd }) => collapseStd) },
  alignmentLoss: { label: 'Alignment loss (teacher levels)', read: ofStudent(({ alignment }) => alignment?.levels.map(({ loss }) => loss)) },
  alignmentCosine: { label: 'Alignment cosine (teacher levels)', read: ofStudent(({ alignment }) => alignment?.levels.map(({ cosine }) => cosine)) },
  cka: { label: 'CKA with the teacher’s same level', read: ofStudent(({ cka }) => cka && diagonal(cka)) },
  visibleCka: { label: 'CKA, student sees visible patches', read: ofStudent(({ alignment }) => alignment && diagonal(alignment.visibleCka)) },
};

const SUBJECTS: readonly Subject[] = ['student', 'teacher', 'random'];

interface Diagnosed {
  readonly run: LibraryRun;
  /** By step. */
  readonly records: readonly Diagnostics[];
}

export async function diagnosticsData(selected: readonly LibraryRun[], options: DashboardState['diagnostics'], known: DiagnosedRuns): Promise<DiagnosticsData> {
  const runs = await Promise.all(selected.map(async (run): Promise<Diagnosed> => ({ run, records: await known.all(run) })));
  const all = runs.flatMap(({ records }) => records);
  const measures = Object.entries(MEASURES).filter(([, { read }]) => all.some((record) => hasNumber(read(record, 'student')))).map(([name, { label }]) => ({ name, label }));
  const measure = measures.some(({ name }) => name === options.measure) ? options.measure : measures[0]?.name;
  const steps = [...new Set(all.map(({ step }) => step))].sort((a, b) => a - b);
  const step = options.step ?? steps.at(-1);
  const read = measure === undefined ? () => undefined : MEASURES[measure]!.read;
  const levels = Math.max(0, ...all.map((record) => read(record, 'student')?.length ?? 0));
  const level = options.level === undefined ? undefined : Math.min(Math.max(1, options.level), Math.max(1, levels));
  const lines = runs.flatMap((diagnosed) => SUBJECTS.flatMap((subject) => (level === undefined ? overLevels(diagnosed, subject, read, step) : overSteps(diagnosed, subject, read, level))));
  return { view: 'diagnostics', measures, measure, steps, step, levels, level, lines, ...ckaOf(runs, options.run, step), lossByRatio: runs.flatMap((diagnosed) => ratioLines(diagnosed, step)) };
}

/** Of the last record not after the step. */
function overLevels({ run, records }: Diagnosed, subject: Subject, read: ReadLevels, step: number | undefined): DiagnosticsData['lines'] {
  const record = lastUntil(records, step);
  const values = record && read(record, subject);
  return record && values && hasNumber(values) ? [{ run: run.key, subject, step: record.step, x: values.map((_, i) => i + 1), y: values.map(orNull) }] : [];
}

function overSteps({ run, records }: Diagnosed, subject: Subject, read: ReadLevels, level: number): DiagnosticsData['lines'] {
  const points = records.flatMap((record) => {
    const value = read(record, subject)?.[level - 1];
    return value === undefined ? [] : [{ x: record.step, y: orNull(value) }];
  });
  return points.some(({ y }) => y !== null) ? [{ run: run.key, subject, x: points.map(({ x }) => x), y: points.map(({ y }) => y) }] : [];
}

/** Of the run asked for, or of the first that has a teacher. */
function ckaOf(runs: readonly Diagnosed[], wanted: string | undefined, step: number | undefined): Pick<DiagnosticsData, 'cka'> {
  const candidates = runs.toSorted((a, b) => Number(b.run.key === wanted) - Number(a.run.key === wanted));
  for (const { run, records } of candidates) {
    const record = lastUntil(records, step);
    if (record?.cka) return { cka: { run: run.key, step: record.step, matrix: matrixOf(record.cka) } };
  }
  return {};
}

/** Of the last record that has it not after the step, or else of the last at all: it is asked for seldom. */
function ratioLines({ run, records }: Diagnosed, step: number | undefined): DiagnosticsData['lossByRatio'] {
  const having = records.filter(({ lossByRatio }) => lossByRatio);
  const record = lastUntil(having, step) ?? having.at(-1);
  return (record?.lossByRatio ?? []).map(({ strategy, points }) => ({ run: run.key, step: record!.step, strategy, x: points.map(({ ratio }) => ratio), y: points.map(({ loss }) => orNull(loss)) }));
}

function lastUntil(records: readonly Diagnostics[], step: number | undefined): Diagnostics | undefined {
  return step === undefined ? records.at(-1) : records.findLast((record) => record.step <= step);
}

function ofEncoder(valueOf: (level: LevelDiagnostics) => number): ReadLevels {
  return ({ encoders }, subject) => encoders.find((encoder) => encoder.subject === subject)?.levels.map(valueOf);
}

function ofStudent(valuesOf: (record: Diagnostics) => readonly number[] | undefined): ReadLevels {
  return (record, subject) => (subject === 'student' ? valuesOf(record) : undefined);
}

function diagonal(matrix: readonly (readonly number[])[]): number[] {
  return matrix.flatMap((row, i) => row[i] ?? []);
}

function matrixOf(values: readonly (readonly number[])[]): Matrix {
  return { rows: values.map((_, i) => String(i + 1)), columns: (values[0] ?? []).map((_, j) => String(j + 1)), values: values.map((row) => row.map(orNull)) };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function hasNumber(values: readonly number[] | undefined): boolean {
  return values?.some(Number.isFinite) ?? false;
}

const orNull = (value: number): number | null => (Number.isFinite(value) ? value : null);
