/**
 * A set of images as the rest of the product sees it: a list with names and labels, whose pixels are fetched by index.
 *
 * The list (`ImageSource`) lives in the main thread. What fetches images (`ImageReader`) is described by plain data, the
 * `ReaderSpec`, so that each loader thread opens its own.
 */
import type { ReaderSpec } from './readers';

/** An image as a source holds it: a file's bytes, or pixels where the format stores those. */
export type StoredImage = { readonly kind: 'encoded'; readonly bytes: Uint8Array } | ({ readonly kind: 'pixels' } & Pixels);

/** An RGB image, 8 bits a channel, rows from the top, R G B interleaved: `rgb` has height·width·3 bytes. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly rgb: Uint8Array;
}

/** Fetches images by index. */
export interface ImageReader {
  /** True where `read` costs no more than a copy, so that keeping its result would be waste. */
  readonly inMemory: boolean;
  /** @throws UnreadableImage where this one image is at fault. */
  read(index: number): StoredImage | Promise<StoredImage>;
  close(): void;
}

export interface ImageSource {
  readonly length: number;
  /** Class names by label; empty where the images carry no labels. */
  readonly classNames: readonly string[];
  /** Plain data from which `openReader` makes a reader, in this thread or another. */
  readonly readerSpec: ReaderSpec;
  /** Label of an image, or −1 where it has none. */
  label(index: number): number;
  /** What a person would look for: a path, or an archive and the name in it. */
  name(index: number): string;
  /** One line for logs: `tar train.tar: 50000 images, 10 classes`. */
  describe(): string;
}

/** One image cannot be had. The loader reports it and puts another in its place. */
export class UnreadableImage extends Error {
  override readonly name = 'UnreadableImage';
}

/** `50000 images, 10 classes`, the tail of every `describe`. */
export function countOf(length: number, classNames: readonly string[]): string {
  const images = `${length} ${length === 1 ? 'image' : 'images'}`;
  if (classNames.length === 0) return `${images}, no labels`;
  return `${images}, ${classNames.length} ${classNames.length === 1 ? 'class' : 'classes'}`;
}

/** Labels by class name: `names` sorted by code point, as torchvision's ImageFolder does, or `known` as given. */
export function classIndex(names: Iterable<string>, known?: readonly string[]): Map<string, number> {
  const ordered = known ?? [...new Set(names)].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  return new Map(ordered.map((name, label) => [name, label]));
}
