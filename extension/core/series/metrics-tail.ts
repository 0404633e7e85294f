/** Follows a metrics file that grows: each call reads only what was added since the last. */
import { open, type FileHandle } from 'node:fs/promises';
import { errorCode } from '../files/durable-files';
import { parseRecord, type MetricRecord } from '../runs/metrics-file';

export interface MetricsNews {
  /**
   * The file is not the one read so far, since a resumed run rewrote it, or it became shorter: the records are all
   * there are, and earlier ones are void.
   */
  readonly restarted: boolean;
  /** In the order of the file. */
  readonly records: MetricRecord[];
}

const NEWLINE = 0x0a;
const PIECE_BYTES = 1 << 20;

export class MetricsTail {
  /** Bytes read that ended in a newline; a torn last line is read again when it is whole. */
  private offset = 0;
  private inode: number | undefined;

  constructor(private readonly file: string) {}

  /** Records added since the last call. A file that does not exist yet has none. */
  async readNew(): Promise<MetricsNews> {
    let handle: FileHandle;
    try {
      handle = await open(this.file, 'r');
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return { restarted: this.restart(undefined), records: [] };
      throw error;
    }
    try {
      const { ino, size } = await handle.stat();
      const replaced = (this.inode !== undefined && ino !== this.inode) || size < this.offset;
      const restarted = replaced && this.restart(ino);
      this.inode = ino;
      return { restarted, records: await this.readLines(handle) };
    } finally {
      await handle.close();
    }
  }

  /** Begins anew; true where something had been read. */
  private restart(inode: number | undefined): boolean {
    const hadRead = this.offset > 0;
    this.offset = 0;
    this.inode = inode;
    return hadRead;
  }

  private async readLines(handle: FileHandle): Promise<MetricRecord[]> {
    const records: MetricRecord[] = [];
    let size = PIECE_BYTES;
    for (;;) {
      const piece = Buffer.alloc(size);
      const { bytesRead } = await handle.read(piece, 0, size, this.offset);
      const end = piece.subarray(0, bytesRead).lastIndexOf(NEWLINE) + 1;
      if (end === 0 && bytesRead < size) return records;
      // A line longer than the piece needs a larger one.
      if (end === 0) size *= 2;
      for (const line of piece.toString('utf8', 0, end).split('\n')) {
        const record = parseRecord(line);
        if (record !== undefined) records.push(record);
      }
      this.offset += end;
    }
  }
}
