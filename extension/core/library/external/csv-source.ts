/** Metrics as a table: a header with names, a row for each step or epoch. */
import { readFile } from 'node:fs/promises';
import Papa from 'papaparse';
import type { MetricRecord } from '../../runs/metrics-file';
import { recordOf } from './record-of';

/** A file without a column of numbers has no records. */
export async function readCsvRecords(file: string): Promise<MetricRecord[]> {
  const { data } = Papa.parse<Record<string, unknown>>(await readFile(file, 'utf8'), { header: true, dynamicTyping: true, skipEmptyLines: true });
  return data.map((row, index) => recordOf(filled(row), index)).filter((record) => Object.keys(record).some((name) => name !== 'step' && name !== 'time'));
}

/** An empty cell says nothing: Lightning's table has one row for a training metric and another for a validation metric. */
function filled(row: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null));
}
