/** Runs made elsewhere as the library knows runs: read-only, with their last epoch and the accuracies they report. */
import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { MetricRecord } from '../../runs/metrics-file';
import type { RunEvaluation } from '../library-run';
import type { OwnRun } from '../read-run';
import { readExternalRecords } from './external-source';
import { findExternalFiles, type ExternalFile } from './find-external';

interface Known {
  readonly signature: string;
  readonly run: OwnRun | undefined;
}

/** Larger ones are listed by what a table of epochs never reaches; reading them at each change would keep the host. */
const LARGEST = 64 << 20;
/** Folders of other tools are searched this often; the files known are looked at each time. */
const SEARCH_MS = 15_000;

export class ExternalRuns {
  private readonly known = new Map<string, Known>();
  private files: readonly ExternalFile[] = [];
  private searched = { places: '', at: 0 };

  async read(places: readonly string[], now = Date.now()): Promise<OwnRun[]> {
    if (this.searched.places !== places.join('\n') || now - this.searched.at > SEARCH_MS) {
      this.files = await findExternalFiles(places);
      this.searched = { places: places.join('\n'), at: now };
    }
    const runs = await Promise.all(this.files.map((file) => this.one(file)));
    return runs.filter((run) => run !== undefined);
  }

  private async one({ file, origin }: ExternalFile): Promise<OwnRun | undefined> {
    const entry = await stat(file).catch(() => undefined);
    if (entry === undefined) return undefined;
    const signature = `${entry.mtimeMs}/${entry.size}`;
    const known = this.known.get(file);
    if (known?.signature === signature) return known.run;
    const base: OwnRun = { key: file, id: idOf(file), origin, state: 'external', checkpoints: [], evaluations: [] };
    const run = entry.size > LARGEST ? { ...base, problem: 'Too large to be read: over 64 MiB.' } : await this.describe(base, file, origin);
    this.known.set(file, { signature, run });
    return run;
  }

  /** @returns undefined for a table or text that holds no metrics, such as any other CSV of a project. */
  private async describe(base: OwnRun, file: string, origin: ExternalFile['origin']): Promise<OwnRun | undefined> {
    try {
      const records = await readExternalRecords(file, origin);
      if (!records.some((record) => typeof record.loss === 'number' || Object.keys(record).some((name) => /loss|acc/i.test(name)))) return undefined;
      return { ...base, last: lastOf(records), evaluations: records.flatMap(accuracyOf) };
    } catch (error) {
      return { ...base, problem: error instanceof Error ? error.message : String(error) };
    }
  }
}

/** The last step, and the last loss, which may stand in an earlier row: tables have rows of validation alone. A loss of NaN is none. */
function lastOf(records: readonly MetricRecord[]): OwnRun['last'] {
  const step = Number(records.at(-1)?.step);
  const loss = records.findLast((record) => record.loss !== undefined)?.loss;
  return { step, ...(typeof loss === 'number' && Number.isFinite(loss) ? { loss } : {}) };
}

/** `test_acc1` of MAE's fine-tuning and linear probe, in percent. */
function accuracyOf(record: Readonly<Record<string, unknown>>): RunEvaluation[] {
  const percent = record.test_acc1;
  return typeof percent !== 'number' ? [] : [{ protocol: 'reported', step: Number(record.step), subject: 'student', features: '', top1: percent / 100 }];
}

/** The folder names a log.txt or event file; a table has a name of its own. */
function idOf(file: string): string {
  const folder = path.basename(path.dirname(file));
  return /\.csv$/i.test(file) ? `${folder}/${path.basename(file)}` : folder;
}
