/** The records of a run made elsewhere, read anew where its file changed: such files have a line an epoch and stay small. */
import { stat } from 'node:fs/promises';
import { errorCode } from '../../files/durable-files';
import type { MetricRecord } from '../../runs/metrics-file';
import type { RecordSink, RecordSource } from '../../series/record-source';
import type { LibraryRun } from '../library-run';
import { readLogRecords } from './log-source';

const PIECE = 2000;

export async function readExternalRecords(file: string, origin: LibraryRun['origin']): Promise<MetricRecord[]> {
  // Their parsers take a while to load, which those who have no such file need not wait for.
  if (origin === 'tensorboard') return (await import('./tensorboard-source')).readTensorBoardRecords(file);
  if (origin === 'csv') return (await import('./csv-source')).readCsvRecords(file);
  return readLogRecords(file);
}

export class ExternalSource implements RecordSource {
  private signature = '';

  constructor(
    private readonly file: string,
    private readonly origin: LibraryRun['origin'],
  ) {}

  async readInto(sink: RecordSink): Promise<void> {
    const signature = await stat(this.file).then(
      ({ mtimeMs, size }) => `${mtimeMs}/${size}`,
      (error: unknown) => {
        if (errorCode(error) === 'ENOENT') return '';
        throw error;
      },
    );
    if (signature === this.signature) return;
    const records = signature === '' ? [] : await readExternalRecords(this.file, this.origin);
    if (this.signature !== '') sink.restart();
    this.signature = signature;
    for (let start = 0; start < records.length; start += PIECE) sink.add(records.slice(start, start + PIECE));
  }
}
