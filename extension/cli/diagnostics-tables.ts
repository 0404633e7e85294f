/** Diagnostics as plain text: a table an encoder, one of the alignment, one of the loss by mask ratio. */
import type { AlignmentDiagnostics, Diagnostics, RatioCurve } from '../core/runs/diagnostics';
import { tableLines } from './table';

export function diagnosticsLines({ encoders, cka, grid, alignment, lossByRatio }: Diagnostics): string[] {
  const tables = encoders.map((encoder) => encoderLines(encoder, encoder.subject === 'student' || encoder.subject === 'checkpoint' ? { cka, visibleCka: alignment?.visibleCka } : {}));
  if (alignment) tables.push(alignmentLines(alignment));
  if (lossByRatio) tables.push(ratioLines(lossByRatio));
  return [
    ...tables.flatMap((lines) => [...lines, '']),
    `Means over heads; distances in patches of a ${grid} × ${grid} grid. --json has every head${cka ? ' and the CKA of every pair of levels' : ''}.`,
  ];
}

type Matrix = readonly (readonly number[])[];

const COLUMNS = ['level', 'distance', 'entropy', 'NMI', 'heads alike', 'tokens alike', 'Δ log amplitude', 'RankMe', 'collapse std'] as const;

function encoderLines({ subject, levels }: Diagnostics['encoders'][number], { cka, visibleCka }: { readonly cka?: Matrix; readonly visibleCka?: Matrix }): string[] {
  const rows = levels.map((level, i) => [
    String(i + 1), mean(level.attentionDistance).toFixed(2), mean(level.attentionEntropy).toFixed(3), mean(level.attentionNmi).toFixed(3), level.headLikeness?.toFixed(3) ?? '–',
    level.tokenUniformity.toFixed(3), level.fourierLogAmplitude.toFixed(2), level.rankMe.toFixed(1), level.collapseStd.toFixed(4),
    ...(cka ? [bestOf(cka[i]!)] : []), ...(visibleCka ? [bestOf(visibleCka[i]!)] : []),
  ]);
  const header = [...COLUMNS, ...(cka ? ['CKA with the teacher'] : []), ...(visibleCka ? ['seeing visible patches'] : [])];
  return [`${subject}, ${levels.length === 1 ? '1 level' : `${levels.length} levels`}`, ...table(header, rows)];
}

/** The teacher's level that a level is most like. */
function bestOf(row: readonly number[]): string {
  const best = row.reduce((at, value, i) => (value > row[at]! ? i : at), 0);
  return `${row[best]!.toFixed(3)} at level ${best + 1}`;
}

function alignmentLines({ levels, visibleAttention, uniformAttention }: AlignmentDiagnostics): string[] {
  const header = ['teacher level', 'weight', 'loss', 'cosine', 'loss of CLS', 'cosine of CLS', 'loss of patches', 'cosine of patches'];
  const rows = levels.map(({ weight, loss, cosine, cls, patches }, i) => [String(i + 1), weight.toFixed(3), ...[loss, cosine, cls.loss, cls.cosine, patches.loss, patches.cosine].map((value) => value.toFixed(4))]);
  return [
    'alignment, whether the loss counts the level or not',
    ...table(header, rows),
    `The visible patches hold ${percent(visibleAttention)} of the teacher's attention; as many at random hold ${percent(uniformAttention)}.`,
  ];
}

function ratioLines(curves: readonly RatioCurve[]): string[] {
  const ratios = [...new Set(curves.flatMap(({ points }) => points.map(({ ratio }) => ratio)))].sort((a, b) => a - b);
  const lossAt = ({ points }: RatioCurve, ratio: number): string => points.find((point) => point.ratio === ratio)?.loss.toFixed(4) ?? '–';
  return ['loss by mask ratio', ...table(['ratio', ...curves.map(({ strategy }) => strategy)], ratios.map((ratio) => [String(ratio), ...curves.map((curve) => lossAt(curve, ratio))]))];
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string[] {
  return tableLines(header, rows, header.map(() => 'right'));
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
