/**
 * metrics.jsonl: one record a line, appended only. A line counts when its newline is there, so a writer that is killed
 * in the middle leaves a torn last line that readers skip and the next writer cuts off.
 */
import { readFile, type FileHandle } from 'node:fs/promises';
import { AppendFile } from '../files/append-file';
import { errorCode } from '../files/durable-files';

/** Numbers that are not finite are written as null, as JSON has it. */
export type MetricRecord = Readonly<Record<string, unknown>>;

const NEWLINE = 0x0a;

export class MetricsFile {
  private readonly lines: AppendFile;

  constructor(private readonly file: string) {
    this.lines = new AppendFile(file, endOfLastLine);
  }

  /**
   * Adds a record; when it resolves the line has left this process and survives its death.
   * @throws UserError MIM7001 where the disk is full; the file then ends with the line before.
   */
  append(record: MetricRecord): Promise<void> {
    return this.lines.append(Buffer.from(`${JSON.stringify(record)}\n`, 'utf8'));
  }

  /** Cuts off a torn last line. */
  repair(): Promise<void> {
    return this.lines.repair();
  }

  /** Forces what was appended to disk, so that it survives a power cut too. */
  sync(): Promise<void> {
    return this.lines.sync();
  }

  /** Removes, atomically, the records whose `step` is past `step`; those without a step stay. */
  truncateAfter(step: number): Promise<void> {
    return this.lines.replace(async () => {
      const kept = wholeLines(await readOrEmpty(this.file)).filter((line) => !isPast(line, step));
      return kept.map((line) => `${line}\n`).join('');
    });
  }

  close(): Promise<void> {
    return this.lines.close();
  }
}

/** All records of the file; lines that are not JSON objects are skipped. No file, no records. */
export async function readMetrics(file: string): Promise<MetricRecord[]> {
  return wholeLines(await readOrEmpty(file))
    .map(parseRecord)
    .filter((record) => record !== undefined);
}

export function parseRecord(line: string): MetricRecord | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as MetricRecord) : undefined;
  } catch {
    return undefined;
  }
}

function wholeLines(text: string): string[] {
  return text.split('\n').slice(0, -1);
}

function isPast(line: string, step: number): boolean {
  const recorded = parseRecord(line)?.['step'];
  return typeof recorded === 'number' && recorded > step;
}

async function readOrEmpty(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return '';
    throw error;
  }
}

/** Position after the last newline, found from the end. */
async function endOfLastLine(handle: FileHandle): Promise<number> {
  const piece = Buffer.alloc(64 << 10);
  let end = (await handle.stat()).size;
  while (end > 0) {
    const start = Math.max(0, end - piece.byteLength);
    const { bytesRead } = await handle.read(piece, 0, end - start, start);
    const newline = piece.subarray(0, bytesRead).lastIndexOf(NEWLINE);
    if (newline >= 0) return start + newline + 1;
    end = start;
  }
  return 0;
}
