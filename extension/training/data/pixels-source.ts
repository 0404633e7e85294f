/** Images of one size held in memory as bytes, as the formats of CIFAR and MNIST store them; shared by all threads. */
import { UserError } from '../../core/problems';
import { countOf, type ImageReader, type ImageSource, type StoredImage } from './source';

/** CIFAR and MNIST take 150 and 50 MB; what is far larger belongs into a format that is read in place. */
export const MAX_PIXEL_BYTES = 2 ** 31 - 1;

export interface PixelsSpec {
  readonly kind: 'pixels';
  readonly width: number;
  readonly height: number;
  /** `planar`: all red bytes of an image, then green, then blue. `rgb`: interleaved. `grey`: one byte a pixel. */
  readonly layout: 'planar' | 'rgb' | 'grey';
  readonly bytes: SharedArrayBuffer;
}

export class PixelsReader implements ImageReader {
  readonly inMemory = true;
  private readonly bytes: Uint8Array;

  constructor(private readonly spec: PixelsSpec) {
    this.bytes = new Uint8Array(spec.bytes);
  }

  read(index: number): StoredImage {
    const { width, height, layout } = this.spec;
    const area = width * height;
    const stored = layout === 'grey' ? area : 3 * area;
    const source = this.bytes.subarray(index * stored, (index + 1) * stored);
    // A copy, because sharp does not take shared memory.
    if (layout === 'rgb') return { kind: 'pixels', width, height, rgb: source.slice() };
    const rgb = new Uint8Array(3 * area);
    const plane = layout === 'grey' ? 0 : area;
    for (let i = 0; i < area; i++) {
      rgb[3 * i] = source[i]!;
      rgb[3 * i + 1] = source[i + plane]!;
      rgb[3 * i + 2] = source[i + 2 * plane]!;
    }
    return { kind: 'pixels', width, height, rgb };
  }

  close(): void {}
}

/** Memory for pixels of `size` bytes. @throws UserError MIM2105 where that is too much. */
export function allocatePixels(size: number, where: string): SharedArrayBuffer {
  if (size <= MAX_PIXEL_BYTES) return new SharedArrayBuffer(size);
  throw new UserError('MIM2105', `The pixels of ${where} take ${size} bytes; this format is read into memory, up to ${MAX_PIXEL_BYTES}.`, 'Convert the set to a tar of PNG files, which is read in place.');
}

export class PixelsSource implements ImageSource {
  readonly length: number;
  constructor(
    /** `idx train-images-idx3-ubyte` */
    private readonly what: string,
    readonly readerSpec: PixelsSpec,
    readonly classNames: readonly string[],
    private readonly labels: Int32Array | undefined,
  ) {
    const { width, height, layout, bytes } = readerSpec;
    this.length = bytes.byteLength / (width * height * (layout === 'grey' ? 1 : 3));
  }

  label(index: number): number {
    return this.labels ? this.labels[index]! : -1;
  }

  name(index: number): string {
    return `${this.what}: image ${index}`;
  }

  describe(): string {
    return `${this.what}: ${countOf(this.length, this.classNames)}`;
  }
}
