/**
 * `shapes`: a procedural, labelled set for trying things out. Ten classes, each a shape with a texture; colour, scale,
 * position, rotation, background and clutter say nothing about the class. Image i of a split is a pure function
 * of (seed, split, i).
 */
import { countOf, type ImageReader, type ImageSource, type StoredImage } from './source';
import { drawShape, SHAPE_NAMES, TEXTURE_NAMES } from './shapes-drawing';

export interface ShapesSpec {
  readonly kind: 'shapes';
  readonly seed: number;
  readonly split: 'train' | 'test';
  /** Side in pixels. */
  readonly imageSize: number;
}

const CLASS_NAMES = SHAPE_NAMES.flatMap((shape) => TEXTURE_NAMES.map((texture) => `${texture} ${shape}`));

export class ShapesSource implements ImageSource {
  readonly classNames = CLASS_NAMES;
  constructor(
    readonly readerSpec: ShapesSpec,
    readonly length: number,
  ) {}

  /** Classes take turns, so every split is balanced. */
  label(index: number): number {
    return index % CLASS_NAMES.length;
  }

  name(index: number): string {
    return `shapes/${this.readerSpec.split}/${index}`;
  }

  describe(): string {
    return `shapes (seed ${this.readerSpec.seed}, ${this.readerSpec.split}, ${this.readerSpec.imageSize} px): ${countOf(this.length, this.classNames)}`;
  }
}

export class ShapesReader implements ImageReader {
  readonly inMemory = false;
  constructor(private readonly spec: ShapesSpec) {}

  read(index: number): StoredImage {
    const label = index % CLASS_NAMES.length;
    const shape = Math.floor(label / TEXTURE_NAMES.length);
    const texture = label % TEXTURE_NAMES.length;
    const { seed, split, imageSize } = this.spec;
    return { kind: 'pixels', ...drawShape({ seed, split, index, shape, texture, size: imageSize }) };
  }

  close(): void {}
}
