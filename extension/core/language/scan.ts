/** Reads YAML text up to a cursor, keeping what is open: sections, list items and brackets. */
import { lineEndAt } from './text-edit';

export interface Frame {
  readonly kind: 'map' | 'seq';
  readonly flow: boolean;
  /** Column of its keys or dashes; inside brackets, that of the block around them. */
  readonly indent: number;
  /** Keys so far, without the one in which the cursor stands. */
  keys: string[];
  /** The key whose value is being read. */
  key?: string;
  /** Whether that key has a value on its own line. */
  filled: boolean;
  index: number;
}

export interface ScanState {
  /** Outermost first; never empty. */
  readonly frames: readonly Frame[];
  readonly part: 'key' | 'value';
  /** Where the word under the cursor begins. */
  readonly tokenStart: number;
}

const KEY = /^("[^"\n]*"|'[^'\n]*'|[^\s#:{}[\],"'&*!|>-][^\s:{}[\],]*)[ \t]*:(?=\s|$)/;

/** Undefined where the cursor stands in a comment. */
export function scanTo(text: string, offset: number): ScanState | undefined {
  return new Scanner(text, offset).run();
}

class Scanner {
  private readonly frames: Frame[] = [frame('map', false, 0)];
  private part: 'key' | 'value' = 'key';
  private tokenStart = 0;
  private inComment = false;

  constructor(
    private readonly text: string,
    private readonly offset: number,
  ) {}

  run(): ScanState | undefined {
    for (let start = 0; ; ) {
      const end = Math.min(lineEndAt(this.text, start), this.offset);
      const next = this.text.indexOf('\n', start) + 1;
      const last = next === 0 || next > this.offset;
      this.line(start, end, last);
      if (last) break;
      start = next;
    }
    return this.inComment ? undefined : { frames: this.frames, part: this.part, tokenStart: this.tokenStart };
  }

  private get top(): Frame {
    return this.frames.at(-1)!;
  }

  private line(start: number, end: number, last: boolean): void {
    this.inComment = false;
    const content = this.text.slice(start, end);
    const column = content.length - content.trimStart().length;
    const blank = content.trim() === '';
    if (!last && (blank || content.trimStart().startsWith('#'))) return;
    if (this.top.flow && !blank && column <= this.blockIndent() && !/^[}\]]/.test(content.trimStart())) this.closeBrackets();
    if (this.top.flow) {
      this.tokenStart = start + column;
      this.value(start + column, end);
    } else if (/^(---|\.\.\.)/.test(content)) {
      this.frames.splice(0, this.frames.length, frame('map', false, 0));
    } else {
      this.block(start, start + column, end, last);
    }
  }

  /** A bracket left open ends where a line begins further left than what it is part of. */
  private closeBrackets(): void {
    while (this.top.flow) this.frames.pop();
  }

  private blockIndent(): number {
    return this.frames.findLast(({ flow }) => !flow)!.indent;
  }

  private block(lineStart: number, start: number, end: number, last: boolean): void {
    let at = start;
    let dashed = false;
    while (/^-(\s|$)/.test(this.text.slice(at, Math.min(end, at + 2)))) {
      this.dash(at - lineStart, dashed);
      dashed = true;
      at += 1;
      while (at < end && (this.text[at] === ' ' || this.text[at] === '\t')) at += 1;
    }
    const content = this.text.slice(at, end);
    const key = KEY.exec(content);
    if (key || !dashed) this.enterMap(at - lineStart, last && !key);
    else if (content.trim() === '' || /^[\w.-]+$/.test(content.trim())) this.frames.push(frame('map', false, at - lineStart));
    this.tokenStart = at;
    this.part = 'key';
    if (!key) {
      if (content.trimStart().startsWith('#')) this.inComment = true;
      else if (/^[{["']/.test(content) && this.top.kind === 'seq') this.value(at, end);
      else if (!/^[\w.-]*$/.test(content)) this.value(at, end);
      return;
    }
    this.startKey(unquote(key[1]!));
    this.tokenStart = at + key[0].length;
    while (this.tokenStart < end && /[ \t]/.test(this.text[this.tokenStart]!)) this.tokenStart += 1;
    const value = this.text.slice(this.tokenStart, end).trim();
    this.top.filled = value !== '' && !value.startsWith('#');
    this.part = 'value';
    this.value(this.tokenStart, end);
  }

  /** A list stands deeper than its key, or in the same column. */
  private dash(column: number, nested: boolean): void {
    if (!nested) {
      while (this.frames.length > 1 && (this.top.indent > column || (this.top.kind === 'map' && this.top.indent === column && this.frames.at(-2)?.kind === 'seq'))) this.frames.pop();
    }
    if (this.top.kind === 'seq' && this.top.indent === column) this.top.index += 1;
    else this.frames.push(frame('seq', false, column));
  }

  /** @param loose the line holds only the cursor, or a word before its colon: its column need not be exact */
  private enterMap(column: number, loose: boolean): void {
    while (this.frames.length > 1 && (this.top.indent > column || (this.top.kind === 'seq' && this.top.indent >= column))) this.frames.pop();
    if (this.top.kind === 'map' && (this.top.indent >= column || (loose && (this.top.filled || this.top.key === undefined)))) {
      this.commitKey();
      return;
    }
    this.frames.push(frame('map', false, column));
  }

  private commitKey(): void {
    if (this.top.key !== undefined) this.top.keys.push(this.top.key);
    this.top.key = undefined;
    this.top.filled = false;
  }

  private startKey(name: string): void {
    this.commitKey();
    this.top.key = name;
  }

  /** Brackets, commas, quotes and comments from `from` to `end`. */
  private value(from: number, end: number): void {
    for (let at = from; at < end; at++) {
      const char = this.text[at]!;
      if (char === '#' && /\s/.test(this.text[at - 1] ?? ' ')) {
        this.inComment = true;
        return;
      }
      if ((char === '"' || char === "'") && at === this.tokenStart) {
        const close = this.text.indexOf(char, at + 1);
        if (close === -1 || close >= end) return;
        at = close;
      } else if ((char === '{' || char === '[') && at === this.tokenStart) this.open(char, at);
      else if (this.top.flow) this.flowCharacter(char, at);
      if (this.tokenStart === at && /[ \t]/.test(char)) this.tokenStart = at + 1;
    }
  }

  private open(char: string, at: number): void {
    this.frames.push(frame(char === '{' ? 'map' : 'seq', true, this.blockIndent()));
    this.part = char === '{' ? 'key' : 'value';
    this.tokenStart = at + 1;
  }

  private flowCharacter(char: string, at: number): void {
    if (char === ',') {
      if (this.top.kind === 'map') this.commitKey();
      else this.top.index += 1;
      this.part = this.top.kind === 'map' ? 'key' : 'value';
      this.tokenStart = at + 1;
    } else if (char === '}' || char === ']') {
      this.frames.pop();
      this.part = 'value';
      this.tokenStart = at + 1;
    } else if (char === ':' && this.part === 'key' && /\s|^$/.test(this.text[at + 1] ?? '')) {
      this.startKey(unquote(this.text.slice(this.tokenStart, at).trim()));
      this.part = 'value';
      this.tokenStart = at + 1;
    }
  }
}

function frame(kind: 'map' | 'seq', flow: boolean, indent: number): Frame {
  return { kind, flow, indent, keys: [], filled: false, index: 0 };
}

function unquote(name: string): string {
  return /^(["']).*\1$/.test(name) ? name.slice(1, -1) : name;
}
