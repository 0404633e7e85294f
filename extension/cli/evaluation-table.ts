/** Results of evaluations as the table of every command that shows them. */
import { percent } from '../core/text/format';
import { tableLines, type Align } from './table';

interface Shown {
  readonly subject: string;
  readonly protocol: string;
  readonly features: string;
  readonly layer?: number;
  readonly step: number;
  readonly top1: number;
  readonly top1Std?: number;
}

interface Column {
  readonly title: string;
  readonly align: Align;
  readonly cell: (result: Shown) => string;
  /** Left out where no result has it. */
  readonly where?: (result: Shown) => boolean;
}

const COLUMNS: readonly Column[] = [
  { title: 'subject', align: 'left', cell: ({ subject }) => subject },
  { title: 'protocol', align: 'left', cell: ({ protocol }) => protocol },
  { title: 'features', align: 'left', cell: ({ features }) => features },
  { title: 'layer', align: 'right', cell: ({ layer }) => (layer === undefined ? 'last' : String(layer)), where: ({ layer }) => layer !== undefined },
  { title: 'step', align: 'right', cell: ({ step }) => String(step) },
  { title: 'top-1', align: 'right', cell: ({ top1 }) => percent(top1) },
  { title: 'std', align: 'right', cell: ({ top1Std }) => (top1Std === undefined ? '' : percent(top1Std)), where: ({ top1Std }) => top1Std !== undefined },
];

export function evaluationTable(results: readonly Shown[]): string[] {
  const columns = COLUMNS.filter(({ where }) => where === undefined || results.some(where));
  const rows = results.map((result) => columns.map(({ cell }) => cell(result)));
  return tableLines(columns.map(({ title }) => title), rows, columns.map(({ align }) => align));
}
