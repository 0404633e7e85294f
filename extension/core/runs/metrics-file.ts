/**
 * metrics.jsonl: one record a line, appended only. A line counts when its newline is there, so a writer that is killed
 * in the middle leaves a torn last line that readers skip and the next writer cuts off.
 */
import { open, readFile, type FileHandle } from 'node:fs/promises';
import { errorCode, explainWriteError, writeFileAtomically, writeFully } from '../files/durable-files';

/** Numbers that are not finite are written as null, as JSON has it. */
export type MetricRecord = Readonly<Record<string, unknown>>;

const NEWLINE = 0x0a;

export class MetricsFile {
  private handle: FileHandle | undefined;
  /** Bytes of whole lines. */
  private length = 0;
  /** Appends wait for each other, so that lines do not mix. */
  private last: Promise<unknown> = Promise.resolve();

  constructor(private readonly file: string) {}

  /**
   * Adds a record; when it resolves the line has left this process and survives its death.
   * @throws UserError MIM7001 where the disk is full; the file then ends with the line before.
   */
  append(record: MetricRecord): Promise<void> {
    return this.inTurn(async () => {
      const handle = await this.openForWriting();
      const line = Buffer.from(`${JSON.stringify(record)}\n`, 'utf8');
      try {
        await writeFully(handle, line);
      } catch (error) {
        await handle.truncate(this.length).catch(() => undefined);
        throw explainWriteError(error, this.file);
      }
      this.length += line.byteLength;
    });
  }

  /** Cuts off a torn last line. */
  repair(): Promise<void> {
    return this.inTurn(async () => {
      await this.openForWriting();
    });
  }

  /** Forces what was appended to disk, so that it survives a power cut too. */
  sync(): Promise<void> {
    return this.inTurn(async () => {
      await this.handle?.datasync();
    });
  }

  /** Removes, atomically, the records whose `step` is past `step`; those without a step stay. */
  truncateAfter(step: number): Promise<void> {
    return this.inTurn(async () => {
      await this.closeHandle();
      const kept = wholeLines(await readOrEmpty(this.file)).filter((line) => !isPast(line, step));
      await writeFileAtomically(this.file, kept.map((line) => `${line}\n`).join(''));
    });
  }

  close(): Promise<void> {
    return this.inTurn(() => this.closeHandle());
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.last.then(work);
    this.last = result.catch(() => undefined);
    return result;
  }

  private async openForWriting(): Promise<FileHandle> {
    if (this.handle !== undefined) return this.handle;
    try {
      const handle = await open(this.file, 'a+');
      this.length = await endOfLastLine(handle);
      await handle.truncate(this.length);
      return (this.handle = handle);
    } catch (error) {
      throw explainWriteError(error, this.file);
    }
  }

  private async closeHandle(): Promise<void> {
    const handle = this.handle;
    this.handle = undefined;
    await handle?.close();
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
