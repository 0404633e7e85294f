/** Some images of another source, in a given order: held-out shares and `limit`. */
import { RandomStream } from '../random';
import type { ReaderSpec } from './readers';
import { countOf, type ImageReader, type ImageSource } from './source';

export interface SubsetSpec {
  readonly kind: 'subset';
  readonly of: ReaderSpec;
  /** Index in `of` by index in the subset. */
  readonly indices: Uint32Array;
}

export class SubsetSource implements ImageSource {
  readonly length: number;
  readonly classNames: readonly string[];
  readonly readerSpec: SubsetSpec;

  constructor(
    private readonly of: ImageSource,
    private readonly indices: Uint32Array,
    private readonly what: string,
  ) {
    this.length = indices.length;
    this.classNames = of.classNames;
    this.readerSpec = { kind: 'subset', of: of.readerSpec, indices };
  }

  label(index: number): number {
    return this.of.label(this.indices[index]!);
  }

  name(index: number): string {
    return this.of.name(this.indices[index]!);
  }

  describe(): string {
    return `${this.what} of ${this.of.describe()}: ${countOf(this.length, this.classNames)}`;
  }
}

export function openSubsetReader(spec: SubsetSpec, of: ImageReader): ImageReader {
  return {
    inMemory: of.inMemory,
    read: (index) => of.read(spec.indices[index]!),
    close: () => of.close(),
  };
}

/** `count` images drawn by `seed`, kept in the order of the source. */
export function limitTo(source: ImageSource, count: number, seed: number): ImageSource {
  if (count >= source.length) return source;
  const drawn = new RandomStream(seed, 'data-limit').permutation(source.length).subarray(0, count);
  return new SubsetSource(source, drawn.slice().sort(), `${count} drawn`);
}

/** Splits by `seed` into what is trained on and what is held out; `share` of the images are held out. */
export function holdOut(source: ImageSource, share: number, seed: number): { train: ImageSource; test: ImageSource } {
  const order = new RandomStream(seed, 'data-holdout').permutation(source.length);
  const held = Math.min(source.length - 1, Math.max(1, Math.round(source.length * share)));
  return {
    train: new SubsetSource(source, order.slice(held).sort(), 'training share'),
    test: new SubsetSource(source, order.slice(0, held).sort(), 'held-out share'),
  };
}
