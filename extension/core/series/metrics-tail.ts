/** Follows a metrics file that grows: each call reads only what was added since the last. */
import { open, type FileHandle } from 'node:fs/promises';
import { errorCode } from '../files/durable-files';
import { parseRecord, type MetricRecord } from '../runs/metrics-file';
import { sampleRecords } from './overview';
import type { RecordSink, RecordSource } from './record-source';

const NEWLINE = 0x0a;
/** About 1000 records: parsed in a few milliseconds, then the event loop has its turn. */
const PIECE_BYTES = 256 << 10;

export class MetricsTail implements RecordSource {
  /** Bytes read that ended in a newline; a torn last line is read again when it is whole. */
  private offset = 0;
  private inode: number | undefined;

  constructor(private readonly file: string) {}

  /**
   * Hands over the records added since the last call. A file that is not the one read so far, since a resumed run
   * rewrote it, or that became shorter, restarts.
   */
  async readInto(sink: RecordSink): Promise<void> {
    let handle: FileHandle;
    try {
      handle = await open(this.file, 'r');
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw error;
      this.restart(sink);
      this.inode = undefined;
      return;
    }
    try {
      const { ino, size } = await handle.stat();
      if ((this.inode !== undefined && ino !== this.inode) || size < this.offset) this.restart(sink);
      this.inode = ino;
      if (size > this.offset) await this.readLines(handle, sink, size);
    } finally {
      await handle.close();
    }
  }

  overview(): Promise<readonly MetricRecord[] | undefined> {
    return sampleRecords(this.file);
  }

  private restart(sink: RecordSink): void {
    if (this.offset > 0) sink.restart();
    this.offset = 0;
  }

  /** Up to `size`, in whole lines. What is added meanwhile is the next call's. */
  private async readLines(handle: FileHandle, sink: RecordSink, size: number): Promise<void> {
    let piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, size - this.offset));
    while (this.offset < size) {
      const { bytesRead } = await handle.read(piece, 0, piece.byteLength, this.offset);
      const end = piece.subarray(0, bytesRead).lastIndexOf(NEWLINE) + 1;
      if (end === 0 && bytesRead < piece.byteLength) return;
      // A line longer than the piece needs a larger one.
      if (end === 0) piece = Buffer.allocUnsafe(2 * piece.byteLength);
      else sink.add(recordsOf(piece.toString('utf8', 0, end)));
      this.offset += end;
    }
  }
}

/** Lines that are no records are skipped. */
function recordsOf(text: string): MetricRecord[] {
  return text
    .split('\n')
    .map(parseRecord)
    .filter((record) => record !== undefined);
}
