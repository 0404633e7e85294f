/**
 * A file that is only ever appended to, in whole records. What a killed writer left of a record is cut off by the next;
 * what a full disk left of one, at once.
 */
import { open, type FileHandle } from 'node:fs/promises';
import { explainWriteError, writeFileAtomically, writeFully } from './durable-files';

export class AppendFile {
  private handle: FileHandle | undefined;
  /** Bytes of whole records. */
  private length = 0;
  /** What is asked for waits for what was asked before, so that records do not mix. */
  private last: Promise<unknown> = Promise.resolve();

  /** @param endOfRecords finds in a file where its last whole record ends */
  constructor(
    readonly file: string,
    private readonly endOfRecords: (handle: FileHandle) => Promise<number>,
  ) {}

  /**
   * When it resolves the record has left this process and survives its death.
   * @throws UserError MIM7001 where the disk is full; the file then ends with the record before.
   */
  append(record: Uint8Array): Promise<void> {
    return this.inTurn(async () => {
      const handle = await this.openForWriting();
      try {
        await writeFully(handle, record);
      } catch (error) {
        await handle.truncate(this.length).catch(() => undefined);
        throw explainWriteError(error, this.file);
      }
      this.length += record.byteLength;
    });
  }

  /** Cuts off a torn last record. */
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

  /** Puts other content in its place, atomically. */
  replace(content: () => Promise<Iterable<Uint8Array> | string>): Promise<void> {
    return this.inTurn(async () => {
      await this.closeHandle();
      await writeFileAtomically(this.file, await content());
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
      this.length = await this.endOfRecords(handle);
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
