/** Tables as text to be saved. */

export type Table = readonly (readonly (string | number | boolean | null)[])[];

/** The first row names the columns. Numbers keep all their digits; empty cells are empty. */
export function toCsv(table: Table): string {
  return table.map((row) => row.map((cell) => csvCell(cell === null ? '' : String(cell))).join(',')).join('\r\n') + '\r\n';
}

/** The first row is the head. */
export function toMarkdown(table: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const [head = [], ...rows] = table.map((row) => row.map((cell) => markdownCell(cell)));
  return [line(head), line(head.map(() => '---')), ...rows.map(line), ''].join('\n');
}

function csvCell(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function markdownCell(cell: string | number | boolean | null): string {
  if (cell === null) return '';
  const text = typeof cell === 'number' ? String(Number(cell.toPrecision(6))) : String(cell);
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
