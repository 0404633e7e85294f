/**
 * Records of what a frozen teacher said, on disk: a file a view, in it the images in the order of their source.
 *
 * A record stands in its place or it does not; which is told by its checksum, and by nothing beside it. So runs that share the
 * files need not know of each other, whatever is killed leaves at most a record that is made again, and the files are sparse
 * until they are full.
 */
import { constants } from 'node:fs';
import { mkdir, open, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { createFileAtomically } from '../../core/files/durable-files';
import { LookRecords, type LookLayout } from './look-record';

export interface LookPlace {
  readonly folder: string;
  readonly layout: LookLayout;
  /** What the records are made of, written beside them for people. */
  readonly identity: object;
}

/** Of a record: which view of which image. */
export interface RecordPlace {
  readonly view: number;
  readonly index: number;
}

export class LookStore {
  private readonly files = new Map<number, Promise<FileHandle>>();
  private readonly unused: LookRecords[] = [];
  /** Of the records that were looked at or written, by view. */
  private readonly checksums = new Map<number, Uint32Array>();

  private constructor(
    readonly folder: string,
    readonly layout: LookLayout,
  ) {}

  static async open({ folder, layout, identity }: LookPlace): Promise<LookStore> {
    await mkdir(folder, { recursive: true });
    // Another's, of the same name, says the same; where none can be written, what is there may still be read.
    await createFileAtomically(path.join(folder, 'looks.json'), `${JSON.stringify(identity, undefined, 2)}\n`).catch(() => undefined);
    return new LookStore(folder, layout);
  }

  /** Those of `indices` in one view; where none is written, or it cannot be read, the record is that of no image. */
  async read(view: number, indices: Int32Array): Promise<LookRecords> {
    const unused = this.unused.findIndex(({ count }) => count === indices.length);
    const records = unused < 0 ? new LookRecords(this.layout, indices.length) : this.unused.splice(unused, 1)[0]!;
    const { recordBytes } = this.layout;
    const file = await this.file(view).catch(() => undefined);
    await Promise.all(Array.from(indices, async (index, i) => {
      records.clear(i);
      // Before it is read: what is written meanwhile may be read in part.
      records.known[i] = this.known(view, index)[index]!;
      const read = await file?.readv(records.parts(i), index * recordBytes).catch(() => undefined);
      // What was not read is another image's.
      if (read?.bytesRead !== recordBytes) records.clear(i);
    }));
    return records;
  }

  /** Records that nobody looks at any more: the next that are read lie in their memory, which costs less than other memory. */
  giveBack(records: LookRecords): void {
    this.unused.push(records);
  }

  /** Whether record `i` is of this image; its bytes are summed up once in this store's life, and compared by their checksum after that. */
  isOf(records: LookRecords, i: number, { view, index }: RecordPlace, pixels: Float32Array): boolean {
    if (!records.isOf(i, pixels)) return false;
    this.known(view, index)[index] = records.checksum(i);
    return true;
  }

  async write(records: LookRecords, i: number, { view, index }: RecordPlace): Promise<void> {
    const file = await this.file(view);
    const [checksum, { recordBytes }, parts] = [records.checksum(i), this.layout, records.parts(i)];
    const { bytesWritten } = await file.writev(parts, index * recordBytes);
    // A full disk takes a part, and says why only when it is asked to take the rest.
    if (bytesWritten < recordBytes) await file.write(Buffer.concat(parts), bytesWritten, recordBytes - bytesWritten, index * recordBytes + bytesWritten);
    else this.known(view, index)[index] = checksum;
  }

  /** Of a view, with room for this image. */
  private known(view: number, index: number): Uint32Array {
    const known = this.checksums.get(view) ?? new Uint32Array(0);
    if (index < known.length) return known;
    const larger = new Uint32Array(2 * index + 1024);
    larger.set(known);
    this.checksums.set(view, larger);
    return larger;
  }

  async close(): Promise<void> {
    const opened = [...this.files.values()];
    this.files.clear();
    await Promise.allSettled(opened.map(async (file) => (await file).close()));
  }

  private file(view: number): Promise<FileHandle> {
    const known = this.files.get(view);
    if (known) return known;
    const name = path.join(this.folder, `view-${view}.looks`);
    const opened = open(name, constants.O_RDWR | constants.O_CREAT, 0o644).catch(() => open(name, constants.O_RDONLY));
    opened.catch(() => this.files.delete(view));
    this.files.set(view, opened);
    return opened;
  }
}
