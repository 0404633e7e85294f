/**
 * YAML text → plain values that remember where they were written.
 *
 * The text may come from anyone: its size, its depth and the number of values that aliases unfold to are bounded, so
 * that no input takes long or much memory. Mistakes in the YAML itself become problems, never exceptions.
 */
import { type Document, type Node, LineCounter, isAlias, isMap, isScalar, isSeq, parseDocument } from 'yaml';
import type { Problem, SourcePosition, SourceRange } from '../problems';
import type { SourceLocation } from './location';

/** Experiments are a few kilobytes; a file far beyond that is something else. */
export const MAX_CHARACTERS = 64 * 1024;
const MAX_DEPTH = 32;
const MAX_VALUES = 10_000;

export type Path = readonly (string | number)[];

/** Of a file that is no YAML at all, as many faults as anyone would read. */
const MAX_FAULTS = 100;

/** Where a value was written, or the option that gave it. */
type Place = { readonly key?: SourceRange; readonly value: SourceRange } | { readonly option: string };

export class YamlTree {
  value: unknown;
  readonly problems: Problem[] = [];
  /** Whether all of the text is in `value`, so that what it lacks is really absent. */
  complete = false;
  private readonly places = new Map<string, Place>();
  private readonly anchors = new Map<string, Node>();
  private readonly lines = new LineCounter();
  private values = 0;

  constructor(
    private readonly text: string,
    readonly file: string,
  ) {
    if (text.length > MAX_CHARACTERS) {
      this.problems.push({
        code: 'MIM1009',
        severity: 'error',
        file,
        message: `The file has ${text.length} characters, too many for an experiment (at most ${MAX_CHARACTERS}).`,
      });
      return;
    }
    const document = this.parse();
    if (document) {
      this.value = this.read(document.contents, [], undefined, 0);
      // A key given twice leaves the first one standing; any other fault leaves a hole.
      this.complete = this.problems.every((problem) => problem.code === 'MIM1008');
    }
  }

  /** The same text, whose values can be overridden apart from these. */
  copy(): YamlTree {
    const own = { value: copied(this.value), problems: [...this.problems], places: new Map(this.places) };
    return Object.assign(Object.create(YamlTree.prototype) as object, this, own) as YamlTree;
  }

  locate(path: Path, part: 'key' | 'value' = 'value'): SourceLocation | undefined {
    const place = this.places.get(placeKey(path));
    if (!place) return undefined;
    if ('option' in place) return { file: place.option };
    return this.location(part === 'key' ? (place.key ?? place.value) : place.value);
  }

  /** Puts a value in place of what was written at `path`; its place is the option from now on. */
  override(path: Path, value: unknown, option: string): void {
    const prefix = placeKey(path);
    for (const key of this.places.keys()) {
      if (key === prefix || key.startsWith(`${prefix}\0`)) this.places.delete(key);
    }
    this.markOverridden(path, value, option);
  }

  private markOverridden(path: Path, value: unknown, option: string): void {
    this.places.set(placeKey(path), { option });
    if (typeof value !== 'object' || value === null) return;
    for (const [key, item] of Object.entries(value)) this.markOverridden([...path, key], item, option);
  }

  private parse(): Document.Parsed | undefined {
    let document: Document.Parsed;
    try {
      document = parseDocument(this.text, { lineCounter: this.lines, prettyErrors: false, uniqueKeys: false, logLevel: 'error' });
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      // The composer of `yaml` recurses: brackets nested thousands deep exhaust the stack.
      this.problems.push({ code: 'MIM1009', severity: 'error', file: this.file, message: 'The YAML is nested too deeply to be read.' });
      return undefined;
    }
    for (const fault of [...document.errors, ...document.warnings].slice(0, MAX_FAULTS)) {
      this.report('MIM1001', this.range(fault.pos[0], fault.pos[1]), ...explainFault(fault.code, fault.message));
    }
    return document;
  }

  private read(node: Node | null, path: Path, key: SourceRange | undefined, depth: number): unknown {
    const range = node?.range ? this.range(node.range[0], node.range[1]) : key;
    if (path.length > 0 && range) this.places.set(placeKey(path), { key, value: range });
    this.values += 1;
    if (this.values === MAX_VALUES + 1) this.report('MIM1009', range, `The experiment holds more than ${MAX_VALUES} values; aliases unfold to many.`);
    if (this.values > MAX_VALUES || node === null) return null;
    if (depth > MAX_DEPTH) {
      this.report('MIM1009', range, `Nested more than ${MAX_DEPTH} levels deep.`, 'An alias may contain itself.');
      return null;
    }
    if (isAlias(node)) {
      const target = this.anchors.get(node.source);
      if (target) return this.read(target, path, key, depth + 1);
      this.report('MIM1001', range, `The alias *${node.source} refers to no anchor before it.`, `Mark a value above with &${node.source}.`);
      return null;
    }
    if ((isMap(node) || isSeq(node) || isScalar(node)) && node.anchor) this.anchors.set(node.anchor, node);
    if (isMap(node)) return this.readMap(node.items, path, depth);
    if (isSeq(node)) return node.items.map((item, index) => this.read(item as Node | null, [...path, index], undefined, depth + 1));
    return isScalar(node) ? node.value : null;
  }

  private readMap(pairs: readonly { key: unknown; value: unknown }[], path: Path, depth: number): Record<string, unknown> {
    const seen = new Map<string, SourceRange | undefined>();
    // No prototype: a key named `__proto__` is a key like any other.
    const result: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
    for (const pair of pairs) {
      const keyNode = pair.key as Node | null;
      const keyRange = keyNode?.range ? this.range(keyNode.range[0], keyNode.range[1]) : undefined;
      if (!isScalar(keyNode) || keyNode.value === null) {
        this.report('MIM1010', keyRange, 'A key must be a plain word.');
        continue;
      }
      const name = String(keyNode.value);
      if (seen.has(name)) {
        const first = seen.get(name)?.start.line;
        this.report('MIM1008', keyRange, `\`${[...path, name].join('.')}\` is given twice.`, `It is already on line ${first}; remove one of them.`);
        continue;
      }
      seen.set(name, keyRange);
      result[name] = this.read(pair.value as Node | null, [...path, name], keyRange, depth + 1);
    }
    return result;
  }

  /** The first character of the file, for what should be there and is not. */
  get start(): SourceLocation {
    return this.location(this.range(0, 0));
  }

  private location(range: SourceRange): SourceLocation {
    const lineStart = this.lines.lineStarts[range.start.line - 1] ?? 0;
    const lineEnd = this.text.indexOf('\n', lineStart);
    const sourceLine = this.text.slice(lineStart, lineEnd === -1 ? undefined : lineEnd);
    return { file: this.file, range, sourceLine: sourceLine.endsWith('\r') ? sourceLine.slice(0, -1) : sourceLine };
  }

  private range(start: number, end: number): SourceRange {
    return { start: this.position(start), end: this.position(Math.max(start, end)) };
  }

  private position(offset: number): SourcePosition {
    const { line, col } = this.lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col), offset };
  }

  private report(code: string, range: SourceRange | undefined, message: string, hint?: string): void {
    if (this.problems.length >= MAX_FAULTS) return;
    this.problems.push({ code, severity: 'error', ...(range ? this.location(range) : { file: this.file }), message, ...(hint && { hint }) });
  }
}

function copied(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(copied);
  const copy = Object.create(null) as Record<string, unknown>;
  for (const [key, item] of Object.entries(value)) copy[key] = copied(item);
  return copy;
}

function placeKey(path: Path): string {
  return path.join('\0');
}

/** The message and hint for a fault that `yaml` found, in words for someone who does not know YAML's grammar. */
function explainFault(code: string, message: string): [string, string?] {
  switch (code) {
    case 'TAB_AS_INDENT':
      return ['A tab indents this line.', 'YAML wants spaces: replace the tab.'];
    case 'MULTIPLE_DOCS':
      return ['A second document begins here (`---`).', 'A file holds one experiment; put the other in its own file.'];
    case 'TAG_RESOLVE_FAILED':
      return [`${message}.`, 'Tags (`!name`) are not used in experiments: write the plain value.'];
    case 'BLOCK_AS_IMPLICIT_KEY':
    case 'MULTILINE_IMPLICIT_KEY':
      return ['A key and its value do not fit together here.', 'Check the indentation and the `:` of this line and the one above; quote a value that holds `: `.'];
    case 'MISSING_CHAR':
      return [`${message}.`, 'A key is followed by `: ` and its value; brackets and quotes are closed.'];
    case 'BAD_INDENT':
      return [`${message}.`, 'Keys of one section start in the same column; brackets are closed.'];
    default:
      return [`${message}.`];
  }
}
