/** The work of a loader thread: fetch, decode, augment and normalise some images. Pure but for what it reads. */
import { RandomStream } from '../random';
import { centreCrop, randomCrop, type Crop, type RandomCropOptions } from './crop';
import { decodePixels } from './decode';
import { decodeCrop, type CroppedImage } from './decode-crop';
import { PixelCache, type PixelCacheMemory } from './pixel-cache';
import { openReader, type ReaderSpec } from './readers';
import { UnreadableImage, type ImageReader, type Pixels, type StoredImage } from './source';
import { cropAndResize, normalisationTable, writeNormalised } from './transform';

/** What stays the same for a loader's life; plain data. */
export interface WorkSettings {
  readonly reader: ReaderSpec;
  /** Images in the source. */
  readonly length: number;
  /** Side in pixels. */
  readonly imageSize: number;
  readonly seed: number;
  readonly randomCrop: RandomCropOptions;
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly maxUnreadable: number;
  readonly cache?: PixelCacheMemory;
}

export interface WorkOrder {
  /** Which images. */
  readonly indices: Uint32Array;
  /** The epoch whose augmentation applies, or `centre`: none. */
  readonly augment: { readonly epoch: number } | 'centre';
  /** Where the images go, if not to memory of their own: as long as they are. What it holds does not matter. */
  readonly memory?: Float32Array<ArrayBuffer> | undefined;
}

export interface WorkResult {
  /** [n, 3, S, S], normalised. */
  readonly images: Float32Array;
  /** The images in fact read: those ordered, or the substitutes of unreadable ones. */
  readonly indices: Uint32Array;
  readonly unreadable: readonly UnreadableReport[];
}

export interface UnreadableReport {
  readonly index: number;
  readonly reason: string;
}

export class ImageWork {
  private readonly table: Float32Array;
  private readonly cache: PixelCache | undefined;

  private constructor(
    private readonly settings: WorkSettings,
    private readonly reader: ImageReader,
  ) {
    this.table = normalisationTable(settings.mean, settings.std);
    this.cache = settings.cache && !reader.inMemory ? new PixelCache(settings.cache) : undefined;
  }

  static async open(settings: WorkSettings): Promise<ImageWork> {
    return new ImageWork(settings, await openReader(settings.reader));
  }

  async run(order: WorkOrder): Promise<WorkResult> {
    const { imageSize } = this.settings;
    const images = order.memory ?? new Float32Array(order.indices.length * 3 * imageSize * imageSize);
    const indices = order.indices.slice();
    const unreadable: UnreadableReport[] = [];
    for (let i = 0; i < indices.length; i++) {
      const found = await this.readableFrom(indices[i]!, order.augment, unreadable);
      if (!found) break;
      indices[i] = found.index;
      await writeNormalised(found.rgb, imageSize, found.crop.flip, this.table, images, i * 3 * imageSize * imageSize);
    }
    return { images, indices, unreadable };
  }

  close(): void {
    this.reader.close();
  }

  private draw({ width, height }: Pick<Pixels, 'width' | 'height'>, augment: WorkOrder['augment'], index: number): Crop {
    const { imageSize, seed } = this.settings;
    if (augment === 'centre') return centreCrop(width, height, imageSize);
    return randomCrop(new RandomStream(seed, 'augment', augment.epoch, index), width, height, imageSize, this.settings.randomCrop);
  }

  /**
   * The image at `index`, or the next readable one after it (cyclically). None where more images in a row than the limit are
   * unreadable; the reports, which then exceed it, tell the loader to stop.
   */
  private async readableFrom(index: number, augment: WorkOrder['augment'], unreadable: UnreadableReport[]): Promise<(CroppedImage & { index: number }) | undefined> {
    const attempts = Math.min(this.settings.length, this.settings.maxUnreadable + 1);
    for (let attempt = 0; attempt < attempts; attempt++) {
      const candidate = (index + attempt) % this.settings.length;
      try {
        return { index: candidate, ...(await this.cropped(candidate, augment)) };
      } catch (error) {
        if (!(error instanceof UnreadableImage)) throw error;
        unreadable.push({ index: candidate, reason: error.message });
      }
    }
    return undefined;
  }

  /** @throws UnreadableImage */
  private async cropped(index: number, augment: WorkOrder['augment']): Promise<CroppedImage> {
    const kept = this.cache?.get(index);
    const stored: StoredImage = kept ? { kind: 'pixels', ...kept } : await this.reader.read(index);
    const inOneGo = stored.kind === 'encoded' ? await decodeCrop(stored.bytes, (size) => this.draw(size, augment, index)) : undefined;
    if (inOneGo) return inOneGo;
    const pixels = await decodePixels(stored);
    if (!kept) this.cache?.put(index, pixels);
    const crop = this.draw(pixels, augment, index);
    return { crop, rgb: await cropAndResize(pixels, crop) };
  }
}
