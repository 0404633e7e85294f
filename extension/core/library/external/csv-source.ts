/** Metrics as a table: a header with names, a row for each step or epoch. */
import { readFile } from 'node:fs/promises';
import Papa from 'papaparse';
import type { MetricRecord } from '../../runs/metrics-file';
import { recordOf } from './record-of';

/** A file without a column of numbers has no records. */
export async function readCsvRecords(file: string): Promise<MetricRecord[]> {
  const { data } = Papa.parse<Record<string, unknown>>(await readFile(file, 'utf8'), { header: true, dynamicTyping: true, skipEmptyLines: true });
  return data.map(recordOf).filter((record) => Object.keys(record).some((name) => name !== 'step' && name !== 'time'));
}
