/** The labels of a Parquet image set, gathered page by page in four bytes an image. */
import { unknownClass } from './folder-source';
import { ParquetDamage } from './parquet-thrift';
import type { ParquetValue } from './parquet-pages';
import { classIndex } from './source';

const NONE = -1;
const MAX_LABEL = 1_000_000;
/** Longer than any name of a class. */
const MAX_NAME_BYTES = 1000;

/**
 * Numbers are labels as they are, −1 (as Hugging Face writes where labels are withheld) or nothing meaning none; texts are
 * class names.
 */
export class ParquetLabels {
  /** Label, or number of a text in `texts`, of each row; one array a file. */
  private readonly files: Int32Array[] = [];
  private filled = 0;
  private added = 0;
  /** Texts in the order of their appearance. */
  private readonly texts = new Map<string, number>();
  /** The same, for one page, by the bytes that a dictionary shares among rows. */
  private readonly decoded = new Map<Uint8Array, number>();
  private kind: 'texts' | 'numbers' | undefined;

  /** The values of `rows` rows follow, or none where the file has no labels. */
  beginFile(rows: number): void {
    this.files.push(new Int32Array(rows).fill(NONE));
    this.filled = 0;
  }

  /** @throws ParquetDamage */
  add(values: readonly ParquetValue[]): void {
    const labels = this.files.at(-1)!;
    this.decoded.clear();
    for (const value of values) labels[this.filled++] = value === undefined ? NONE : this.labelOf(value);
    this.added += values.length;
  }

  /**
   * Class names and labels; neither where not every row of every file had a label's place.
   * @throws UserError MIM2006 a class that `known` does not have.
   */
  name(declared: readonly string[] | undefined, known: readonly string[] | undefined, paths: readonly string[]): { classNames: readonly string[]; labels?: Int32Array } {
    const labels = new Int32Array(this.files.reduce((sum, file) => sum + file.length, 0));
    if (this.added !== labels.length) return { classNames: [] };
    let at = 0;
    for (const file of this.files) {
      labels.set(file, at);
      at += file.length;
    }
    const where = paths.join(', ');
    return this.kind === 'texts' ? this.nameTexts(labels, known, where) : nameNumbers(labels, declared, known, where);
  }

  private labelOf(value: Uint8Array | number): number {
    const kind = typeof value === 'number' ? 'numbers' : 'texts';
    this.kind ??= kind;
    if (kind !== this.kind) throw new ParquetDamage(`its labels are ${kind}, those of the files before ${this.kind}`);
    if (typeof value === 'number') return value >= 0 && value <= MAX_LABEL ? value : NONE;
    const seen = this.decoded.get(value);
    if (seen !== undefined) return seen;
    if (value.length > MAX_NAME_BYTES) throw new ParquetDamage(`a label of it takes ${value.length} bytes`);
    const text = Buffer.from(value).toString('utf8');
    const label = this.texts.get(text) ?? this.texts.size;
    this.texts.set(text, label);
    this.decoded.set(value, label);
    return label;
  }

  private nameTexts(labels: Int32Array, known: readonly string[] | undefined, where: string): { classNames: readonly string[]; labels: Int32Array } {
    const classes = classIndex(this.texts.keys(), known?.length ? known : undefined);
    const byText = Int32Array.from(this.texts.keys(), (name) => {
      const label = classes.get(name);
      if (label === undefined) throw unknownClass(name, where);
      return label;
    });
    return { classNames: [...classes.keys()], labels: labels.map((text) => (text === NONE ? NONE : byText[text]!)) };
  }
}

function nameNumbers(labels: Int32Array, declared: readonly string[] | undefined, known: readonly string[] | undefined, where: string): { classNames: readonly string[]; labels?: Int32Array } {
  const highest = labels.reduce((most, label) => Math.max(most, label), NONE);
  if (highest < 0) return { classNames: [] };
  const names = known?.length ? known : declared;
  if (names && highest >= names.length) throw unknownClass(String(highest), where);
  return { classNames: names ?? Array.from({ length: highest + 1 }, (_, label) => String(label)), labels };
}
