/** The log.txt of MAE and its descendants: one JSON object an epoch, with keys such as `train_loss`, `test_acc1`, `epoch`. */
import { readFile } from 'node:fs/promises';
import type { MetricRecord } from '../../runs/metrics-file';
import { recordOf } from './record-of';

/** Lines that are no objects are passed over: torn ones, and what else a program prints. */
export async function readLogRecords(file: string): Promise<MetricRecord[]> {
  const lines = (await readFile(file, 'utf8')).split('\n');
  return lines.flatMap((line, index) => {
    const written = parseObject(line);
    return written === undefined ? [] : [recordOf(written, index)];
  });
}

function parseObject(line: string): Record<string, unknown> | undefined {
  try {
    // Python writes NaN and Infinity, which JSON does not know.
    const value: unknown = JSON.parse(line.replace(/:\s*(NaN|-?Infinity)(?=\s*[,}])/g, ': null'));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
