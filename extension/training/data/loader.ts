/**
 * Batches of augmented images, made ahead of training by loader threads.
 *
 * Everything is a pure function of (source, settings, seed, step): the order of an epoch of (seed, epoch), an image's augmentation of
 * (seed, epoch, index). Neither the number of threads nor where a run was resumed changes a byte.
 */
import type { DataConfig } from '../../core/config/schema';
import { usableThreads } from '../../core/config/usable-threads';
import { UserError } from '../../core/problems';
import { concatenate } from '../../core/tensors';
import { RandomStream } from '../random';
import type { Looks } from '../teachers/look-record';
import type { UnreadableReport, WorkOrder, WorkSettings } from './image-work';
import { builtThreadFile, InProcessPool, ThreadPool, type ImagePool } from './loader-pool';
import { allocatePixelCache } from './pixel-cache';
import type { ImageSource } from './source';
import { SMALL_SIDE } from './transform';

export interface LoaderOptions {
  /** Crop, flip, normalisation, threads and `max_unreadable` are read from it. */
  readonly config: Pick<DataConfig, 'image_size' | 'crop_scale' | 'crop_ratio' | 'flip' | 'mean' | 'std' | 'threads' | 'max_unreadable'>;
  /** Images a training batch. */
  readonly batchSize: number;
  readonly seed: number;
  /** Which images of each training batch are made here, where others make the rest; absent: all. */
  readonly share?: { readonly first: number; readonly count: number };
  /** How training batches are made: `train` RandomResizedCrop and flip, `center` the evaluation crop. Default `train`. */
  readonly augment?: 'train' | 'center';
  /** A fixed number of augmentations of each image, drawn by a seed of their own and taken in turn, in place of another one each epoch. */
  readonly views?: { readonly count: number; readonly seed: number };
  /** Called when a training batch is there, ahead of its use, for what has to be fetched beside it. */
  readonly onLoaded?: (batch: LoadedImages) => void;
  /** Called once for each image that cannot be read. */
  readonly onUnreadable?: (name: string, reason: string) => void;
  /** The built loader-thread program, where it is not beside the bundle. Without one the work is done in this thread. */
  readonly threadFile?: string;
}

export interface ImageBatch {
  /** [B, 3, S, S], normalised. */
  readonly images: Float32Array;
  /** Label of each image, −1 where there is none. */
  readonly labels: Int32Array;
  /** Index of each image in the source; the substitute's where an image could not be read. */
  readonly indices: Int32Array;
}

/** Where a training batch stands in the run, and which images it has. */
export interface BatchPlace {
  /** Counted from 0 over the whole run. */
  readonly step: number;
  readonly epoch: number;
  readonly indices: Int32Array;
}

/** A training batch before its labels are known. */
export type LoadedImages = BatchPlace & Pick<ImageBatch, 'images'>;

export interface TrainBatch extends ImageBatch, BatchPlace {
  /** What a frozen teacher said of the images, where it is not asked in the step. */
  readonly looks?: Looks;
}

/** Batches under way beside those in use, unless more are used at once. */
const AHEAD = 2;
/** Images an order: small enough that threads share a batch evenly, large enough that messages cost nothing. */
const MAX_ORDER = 64;

export class ImageLoader {
  private pool: ImagePool | undefined;
  private order: { epoch: number; indices: Uint32Array } | undefined;
  private readonly unreadable = new Set<number>();
  private begun: { readonly step: number; readonly batch: Promise<LoadedBatch> } | undefined;
  private unused: Float32Array<ArrayBuffer>[] = [];

  constructor(
    readonly source: ImageSource,
    private readonly options: LoaderOptions,
  ) {}

  /** floor(N / batch): the rest of an epoch is left out, other images each time. */
  get stepsPerEpoch(): number {
    return Math.floor(this.source.length / this.options.batchSize);
  }

  /** Distinct images that could not be read so far. */
  get unreadableCount(): number {
    return this.unreadable.size;
  }

  /** The training batch at a place in an epoch. @throws UserError as `trainBatches`. */
  async batch(epoch: number, batchIndex: number): Promise<ImageBatch> {
    requireFullBatch(this.source, this.options.batchSize);
    return this.deliver(await this.load(this.trainIndices(epoch, batchIndex), this.trainAugment(epoch)));
  }

  /**
   * Starts the threads, and the batch of the step that training begins with, while the caller's thread makes its programs.
   * @throws UserError MIM2201 fewer images than a batch
   */
  begin(step: number): void {
    requireFullBatch(this.source, this.options.batchSize);
    const { indices, augment } = this.trainOrder(step);
    const batch = this.load(indices, augment);
    // It is awaited in its turn; until then a failure is not an unhandled one.
    batch.catch(() => undefined);
    this.begun = { step, batch };
  }

  /**
   * Training batches of the steps [fromStep, toStep), counted from 0, made ahead of their use.
   * @param ahead how many; asked for each time, for it may change. An engine that takes K at once keeps this thread from
   *   ordering more while it computes, so all of its next K must be under way before.
   * @throws UserError MIM2201 fewer images than a batch; MIM2202 too many unreadable images.
   */
  async *trainBatches(fromStep: number, toStep: number, ahead = () => AHEAD): AsyncGenerator<TrainBatch> {
    requireFullBatch(this.source, this.options.batchSize);
    const steps = function* () {
      for (let step = fromStep; step < toStep; step++) yield step;
    };
    const { onLoaded } = this.options;
    const isThere = ({ images, indices }: LoadedBatch, place: { readonly step: number; readonly epoch: number }): void => onLoaded?.({ ...place, images, indices });
    yield* this.ahead(steps(), (step) => this.trainOrder(step), { ahead, begun: (step) => this.takeBegun(step), isThere });
  }

  /** Makes later batches in the memory of one that nobody looks at any more, which spares the garbage collector megabytes a step. */
  giveBack({ images }: Pick<ImageBatch, 'images'>): void {
    if (images.buffer instanceof ArrayBuffer && images.byteLength === images.buffer.byteLength) this.unused.push(images as Float32Array<ArrayBuffer>);
  }

  private memoryFor(length: number): Float32Array<ArrayBuffer> | undefined {
    const at = this.unused.findIndex((memory) => memory.length === length);
    return at < 0 ? undefined : this.unused.splice(at, 1)[0];
  }

  private trainOrder(step: number): WorkOrder & { readonly extra: { readonly step: number; readonly epoch: number } } {
    const epoch = Math.floor(step / this.stepsPerEpoch);
    return { indices: this.trainIndices(epoch, step % this.stepsPerEpoch), augment: this.trainAugment(epoch), extra: { step, epoch } };
  }

  private takeBegun(step: number): Promise<LoadedBatch> | undefined {
    if (this.begun?.step !== step) return undefined;
    const { batch } = this.begun;
    this.begun = undefined;
    return batch;
  }

  /** Every image once, in the order of the source, under the evaluation crop; the last batch may be short. */
  async *evalBatches(batchSize: number): AsyncGenerator<ImageBatch> {
    const length = this.source.length;
    const starts = function* () {
      for (let start = 0; start < length; start += batchSize) yield start;
    };
    yield* this.ahead(starts(), (start) => {
      const count = Math.min(batchSize, length - start);
      return { indices: Uint32Array.from({ length: count }, (_, i) => start + i), augment: 'centre', extra: {} };
    });
  }

  /** Ends the loader's threads. Idempotent; a closed loader starts again when asked. */
  async close(): Promise<void> {
    const pool = this.pool;
    this.pool = this.begun = undefined;
    this.unused = [];
    await pool?.close();
  }

  private async *ahead<Place, Extra>(
    places: Iterator<Place>,
    plan: (place: Place) => WorkOrder & { extra: Extra },
    { ahead = () => AHEAD, begun, isThere }: { ahead?: () => number; begun?: (place: Place) => Promise<LoadedBatch> | undefined; isThere?: (loaded: LoadedBatch, extra: Extra) => void } = {},
  ): AsyncGenerator<ImageBatch & Extra> {
    const underWay: Promise<{ loaded: LoadedBatch; extra: Extra }>[] = [];
    let ended = false;
    const start = (): void => {
      const { value, done } = places.next();
      ended = done ?? false;
      if (ended) return;
      const { indices, augment, extra } = plan(value);
      const batch = (begun?.(value) ?? this.load(indices, augment)).then((loaded) => {
        isThere?.(loaded, extra);
        return { loaded, extra };
      });
      // It is awaited in its turn; until then a failure is not an unhandled one.
      batch.catch(() => undefined);
      underWay.push(batch);
    };
    const fill = (): void => {
      while (!ended && underWay.length < ahead()) start();
    };
    fill();
    for (;;) {
      const next = underWay.shift();
      if (!next) return;
      const { loaded, extra } = await next;
      fill();
      yield { ...this.deliver(loaded), ...extra };
    }
  }

  private trainIndices(epoch: number, batchIndex: number): Uint32Array {
    if (this.order?.epoch !== epoch) this.order = { epoch, indices: epochOrder(this.options.seed, epoch, this.source.length) };
    const { batchSize, share = { first: 0, count: batchSize } } = this.options;
    const start = batchIndex * batchSize + share.first;
    return this.order.indices.slice(start, start + share.count);
  }

  private trainAugment(epoch: number): WorkOrder['augment'] {
    const { augment, views } = this.options;
    return augment === 'center' ? 'centre' : { epoch: views ? epoch % views.count : epoch };
  }

  private async load(indices: Uint32Array, augment: WorkOrder['augment']): Promise<LoadedBatch> {
    const pool = (this.pool ??= this.openPool());
    const step = Math.min(MAX_ORDER, Math.ceil(indices.length / pool.width));
    const orders: Promise<Awaited<ReturnType<ImagePool['run']>>>[] = [];
    const { image_size: side } = this.options.config;
    for (let start = 0; start < indices.length; start += step) {
      const some = indices.subarray(start, start + step);
      orders.push(pool.run({ indices: some, augment, memory: this.memoryFor(some.length * 3 * side * side) }));
    }
    const parts = await Promise.all(orders);
    return {
      images: parts.length === 1 ? parts[0]!.images : this.joined(parts),
      indices: Int32Array.from(parts.flatMap((part) => [...part.indices])),
      unreadable: parts.flatMap((part) => part.unreadable),
    };
  }

  private joined(parts: readonly Pick<ImageBatch, 'images'>[]): Float32Array {
    const images = parts.map((part) => part.images);
    const joined = concatenate(images, this.memoryFor(images.reduce((sum, { length }) => sum + length, 0)));
    for (const part of parts) this.giveBack(part);
    return joined;
  }

  /** Reports come in the order of the batches, however the threads overtook each other. */
  private deliver(loaded: LoadedBatch): ImageBatch {
    for (const report of loaded.unreadable) this.report(report);
    return { images: loaded.images, indices: loaded.indices, labels: loaded.indices.map((index) => this.source.label(index)) };
  }

  private report({ index, reason }: UnreadableReport): void {
    if (this.unreadable.has(index)) return;
    this.unreadable.add(index);
    const name = this.source.name(index);
    this.options.onUnreadable?.(name, reason);
    const limit = Math.min(this.options.config.max_unreadable, this.source.length - 1);
    if (this.unreadable.size <= limit) return;
    throw new UserError(
      'MIM2202',
      `${this.unreadable.size} images cannot be read, more than \`data.max_unreadable: ${this.options.config.max_unreadable}\` allows; the last is ${name} (${reason}).`,
      'Mend or remove them, or raise `data.max_unreadable` if the rest is enough to train on.',
    );
  }

  private openPool(): ImagePool {
    const { config, seed, views } = this.options;
    const settings: WorkSettings = {
      reader: this.source.readerSpec,
      length: this.source.length,
      imageSize: config.image_size,
      seed: views?.seed ?? seed,
      randomCrop: { scale: config.crop_scale, ratio: config.crop_ratio, flip: config.flip },
      mean: config.mean,
      std: config.std,
      maxUnreadable: config.max_unreadable,
      // At larger sizes a training step takes far longer than decoding its images.
      cache: config.image_size <= SMALL_SIDE ? allocatePixelCache(this.source.length) : undefined,
    };
    const threadFile = this.options.threadFile ?? builtThreadFile();
    return threadFile ? new ThreadPool(settings, config.threads || automaticThreads(), threadFile) : new InProcessPool(settings);
  }
}

interface LoadedBatch {
  readonly images: Float32Array;
  readonly indices: Int32Array;
  readonly unreadable: readonly UnreadableReport[];
}

/** @throws UserError MIM2201 where there are fewer images than a batch takes. */
export function requireFullBatch(source: ImageSource, batchSize: number): void {
  if (source.length >= batchSize) return;
  throw new UserError('MIM2201', `A batch takes ${batchSize} images, but ${source.describe()}.`, `Set \`optimizer.batch_size\` to ${source.length} or less.`, 2);
}

/** The order of an epoch: every image once, a pure function of (seed, epoch). */
export function epochOrder(seed: number, epoch: number, length: number): Uint32Array {
  return new RandomStream(seed, 'data-order', epoch).permutation(length);
}

/** Half the cores, at most eight: training needs the rest, and idle threads cost nothing. */
function automaticThreads(): number {
  return Math.max(1, Math.min(8, Math.floor(usableThreads() / 2)));
}
