/**
 * What stands around a cursor: the mapping whose key, or the key whose value, is being written.
 *
 * The text is incomplete nearly always when this is asked, so it is not parsed but read up to the cursor: indentation
 * and dashes outside brackets, brackets and commas inside. Block scalars, anchors and tags, which experiments do
 * not use, are read as plain text.
 */
import { MAX_CHARACTERS, type Path } from '../config/yaml-tree';
import { type ScanState, scanTo } from './scan';
import { type OffsetRange, lineEndAt } from './text-edit';

export interface Cursor extends OffsetRange {
  /** Of the mapping in which a key is written, or of the value. `start`–`end` is what a completion replaces. */
  readonly path: Path;
  readonly part: 'key' | 'value';
  /** Inside brackets. */
  readonly flow: boolean;
  /** Column at which keys of this mapping begin; of a value, that of its key. */
  readonly indent: number;
  /** Keys that the mapping already has, without the one being written. */
  readonly present: readonly string[];
  /** A colon follows, so only the name is to be written. */
  readonly named: boolean;
  /** A space must come first: the cursor is right after the colon. */
  readonly needsSpace: boolean;
  /** Another key follows on the line without a comma between. */
  readonly needsComma: boolean;
}

const KEY = /^[ \t]*(?:- +)*("[^"\n]*"|'[^'\n]*'|[\w.-]+)[ \t]*:(?=\s|$)/;

/** Undefined in a comment, and in a text that is too long for an experiment. */
export function cursorAt(text: string, offset: number): Cursor | undefined {
  if (text.length > MAX_CHARACTERS) return undefined;
  const state = scanTo(text, offset);
  if (!state) return undefined;
  const frame = state.frames.at(-1)!;
  const end = tokenEnd(text, offset, state);
  const after = text.slice(end, lineEndAt(text, end));
  const named = state.part === 'key' && /^[ \t]*:(\s|$)/.test(after);
  const following = frame.flow ? flowKeysAfter(text, end) : blockKeysAfter(text, offset, frame.indent);
  return {
    path: pathOf(state),
    part: state.part,
    flow: frame.flow,
    indent: frame.indent,
    present: [...frame.keys, ...following],
    start: state.tokenStart,
    end,
    named,
    needsSpace: state.part === 'value' && text[state.tokenStart - 1] === ':',
    needsComma: frame.flow && !named && /^[ \t]*[\w"'{[]/.test(after),
  };
}

function pathOf({ frames, part }: ScanState): Path {
  const path: (string | number)[] = [];
  for (const [depth, frame] of frames.entries()) {
    const innermost = depth === frames.length - 1;
    if (frame.kind === 'seq') path.push(frame.index);
    else if (!innermost || part === 'value') path.push(frame.key ?? '');
  }
  return path;
}

/** A key ends with its word, a value with its comma, bracket, comment or line. */
function tokenEnd(text: string, offset: number, { part, frames }: ScanState): number {
  const rest = text.slice(offset, lineEndAt(text, offset));
  if (part === 'key') return offset + /^["'\w.-]*/.exec(rest)![0].length;
  const limit = frames.at(-1)!.flow ? /[,}\]]|[ \t]#/ : /[ \t]#/;
  const stop = rest.search(limit);
  return offset + (stop === -1 ? rest : rest.slice(0, stop)).trimEnd().length;
}

/** Keys of the same mapping on the lines below. */
function blockKeysAfter(text: string, offset: number, indent: number): string[] {
  const keys: string[] = [];
  for (const line of text.slice(lineEndAt(text, offset)).split(/\r?\n/).slice(1)) {
    if (line.trim() === '' || line.trim().startsWith('#')) continue;
    const column = line.length - line.trimStart().length;
    if (column < indent || (column === indent && line.startsWith('- ', column) && indent > 0)) break;
    const name = column === indent && !line.startsWith('-', column) ? KEY.exec(line)?.[1] : undefined;
    if (name) keys.push(unquoted(name));
  }
  return keys;
}

/** Keys between here and the bracket that closes the mapping. */
function flowKeysAfter(text: string, offset: number): string[] {
  const keys: string[] = [];
  let depth = 0;
  for (let at = offset; at < text.length && depth >= 0; at++) {
    const char = text[at]!;
    if (char === '\n' && /\S/.test(text[at + 1] ?? ' ')) break;
    if (char === '{' || char === '[') depth += 1;
    else if (char === '}' || char === ']') depth -= 1;
    else if (depth === 0 && /[\s,]/.test(text[at - 1] ?? ',')) {
      const name = /^("[^"\n]*"|'[^'\n]*'|[\w.-]+)[ \t]*:(?=\s|$)/.exec(text.slice(at, at + 200))?.[1];
      if (name) keys.push(unquoted(name));
    }
  }
  return keys;
}

function unquoted(name: string): string {
  return /^(["']).*\1$/.test(name) ? name.slice(1, -1) : name;
}
