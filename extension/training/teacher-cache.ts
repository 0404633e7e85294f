/**
 * What a frozen teacher says, kept on disk: each image has a fixed number of views, and of each view the teacher is asked once.
 *
 * What is looked at now goes through the same float16 as what was kept, so that on one engine it makes no difference which it was.
 */
import { explainWriteError } from '../core/files/durable-files';
import { UserError } from '../core/problems';
import { float32 } from '../core/tensors';
import type { LoadedImages, LoaderOptions, TrainBatch } from './data/loader';
import type { CompiledProgram, Engine, StateStore } from './engines/engine';
import { lookingProgram } from './looking-program';
import type { Looking } from './methods/method';
import type { Prepared } from './prepare';
import { placeOfLooks } from './teacher-cache-place';
import type { LookRecords } from './teachers/look-record';
import { LookStore } from './teachers/look-store';

/** What was read for a batch, and of which images there is nothing. */
interface Read {
  readonly records: LookRecords;
  readonly missing: readonly number[];
}

export class TeacherCache {
  private readonly underWay = new Map<number, Promise<Read>>();
  private program: CompiledProgram | undefined;
  private state: StateStore | undefined;
  private writes = true;
  private closed = false;
  /** The first epoch from whose beginning on nothing was missing. */
  private completeFrom = 0;

  private constructor(
    private readonly prepared: Prepared,
    private readonly engine: Engine,
    private readonly looking: Looking,
    private readonly store: LookStore,
    private readonly onMessage: (line: string) => void,
  ) {}

  /** Undefined where the experiment keeps none. @param onMessage told where it cannot be written */
  static async open(prepared: Prepared, engine: Engine, onMessage: (line: string) => void): Promise<TeacherCache | undefined> {
    const { looking } = prepared.method;
    if (prepared.experiment.teacher?.cache === undefined || looking === undefined) return undefined;
    const place = await placeOfLooks(prepared, looking, engine.kind);
    try {
      return new TeacherCache(prepared, engine, looking, await LookStore.open(place), onMessage);
    } catch (error) {
      throw explainWriteError(error, place.folder);
    }
  }

  /** Fixed views, and reading ahead what is kept of them. */
  get loaderOptions(): Pick<LoaderOptions, 'views' | 'onLoaded'> {
    const { data } = this.prepared.experiment;
    return { views: { count: this.views, seed: data.seed }, onLoaded: (batch) => this.expect(batch) };
  }

  /**
   * What the teacher said of a whole batch: the entries of `Looking.specs`, in memory that is used again once it is given back.
   * @throws UserError MIM8008 where the teacher's features go beyond float16
   */
  async recordsOf(batch: TrainBatch): Promise<LookRecords> {
    this.expect(batch);
    const read = await this.underWay.get(batch.step);
    if (read === undefined) throw new Error('The teacher\'s cache is closed.');
    this.underWay.delete(batch.step);
    const { records, missing } = read;
    if (missing.length > 0) {
      this.completeFrom = batch.epoch + 1;
      await this.lookNow(batch, records, missing);
    } else if (batch.epoch >= this.completeFrom + this.views) {
      // Each epoch leaves out what does not fill a batch, other images each time: a view may lack some when it comes again.
      await this.forgetProgram();
    }
    return records;
  }

  giveBack(records: LookRecords): void {
    this.store.giveBack(records);
  }

  async close(): Promise<void> {
    this.closed = true;
    await Promise.allSettled(this.underWay.values());
    this.underWay.clear();
    await this.forgetProgram();
    await this.store.close();
  }

  private get views(): number {
    return this.prepared.experiment.teacher!.cache!.views;
  }

  private expect(batch: LoadedImages): void {
    if (this.closed || this.underWay.has(batch.step)) return;
    const reading = this.read(batch);
    // It is awaited in its turn; until then a failure is not an unhandled one.
    reading.catch(() => undefined);
    this.underWay.set(batch.step, reading);
  }

  /** Compared as soon as it is read: while other steps are computed. */
  private async read(batch: LoadedImages): Promise<Read> {
    const view = batch.epoch % this.views;
    const records = await this.store.read(view, batch.indices);
    const isThere = (index: number, i: number): boolean => this.store.isOf(records, i, { view, index }, pixelsOf(batch, i));
    return { records, missing: Array.from(batch.indices, (index, i) => (isThere(index, i) ? [] : [i])).flat() };
  }

  /** Micro-batches of which nothing is missing are left out. */
  private async lookNow(batch: TrainBatch, records: LookRecords, missing: readonly number[]): Promise<void> {
    const size = this.prepared.experiment.derived.microBatch;
    for (let start = 0; start < records.count; start += size) {
      const wanted = missing.filter((i) => i >= start && i < start + size);
      if (wanted.length === 0) continue;
      const looks = await this.look(batch, start, size);
      for (const i of wanted) if (!records.put(i, pixelsOf(batch, i), looks, i - start)) throw beyondHalf();
    }
    await this.keep(batch, records, missing);
  }

  private async look({ images, labels }: TrainBatch, start: number, size: number): Promise<Record<string, Float32Array>> {
    const { imageSize } = this.prepared.experiment.student;
    const shape = [size, 3, imageSize, imageSize];
    this.program ??= await this.engine.compile(lookingProgram(this.looking, shape));
    this.state ??= this.engine.createState({});
    const pixels = images.length / labels.length;
    const [readings] = await this.program.run(this.state, [{ images: float32(shape, images.subarray(start * pixels, (start + size) * pixels)) }]);
    return Object.fromEntries(Object.entries(readings!).map(([name, { data }]) => [name, data as Float32Array]));
  }

  /** A training does not end because its cache cannot be written: it looks again. */
  private async keep({ epoch, indices }: TrainBatch, records: LookRecords, which: readonly number[]): Promise<void> {
    if (!this.writes) return;
    try {
      const written = await Promise.allSettled(which.map((i) => this.store.write(records, i, { view: epoch % this.views, index: indices[i]! })));
      for (const one of written) if (one.status === 'rejected') throw one.reason;
    } catch (error) {
      this.writes = false;
      const reason = explainWriteError(error, this.store.folder);
      this.onMessage(`The teacher's features are kept no longer, and it is asked again in each step: ${reason instanceof Error ? reason.message : String(reason)}`);
    }
  }

  private async forgetProgram(): Promise<void> {
    const { program, state } = this;
    this.program = this.state = undefined;
    await program?.dispose();
    state?.dispose();
  }
}

function pixelsOf({ images, indices }: LoadedImages, i: number): Float32Array {
  const count = images.length / indices.length;
  return images.subarray(i * count, (i + 1) * count);
}

function beyondHalf(): UserError {
  return new UserError('MIM8008', "The teacher's features go beyond what float16 holds, so they cannot be kept.", 'Leave `teacher.cache` out.');
}
