/** Changes that mend a problem. */
import { type SchemaNode, sectionsWithKey } from '../config/json-schema';
import type { Problem } from '../problems';
import { defaultOf } from './describe-key';
import { insertKey, removeKey, valueTextAt } from './edit-yaml';
import { parsePath } from './path-of';
import { formsOf, nodeAt } from './schema-at';
import { choicesOf } from './snippets';
import type { TextEdit } from './text-edit';

export interface QuickFix {
  readonly title: string;
  readonly edits: readonly TextEdit[];
  /** The one that is most likely meant. */
  readonly preferred: boolean;
}

/** @param problem found in this very `text` */
export function quickFixes(text: string, problem: Problem): QuickFix[] {
  return [...replacements(text, problem), ...specific(text, problem)];
}

function replacements(text: string, { range, replacement, code }: Problem): QuickFix[] {
  if (!range || replacement === undefined) return [];
  const title = code === 'MIM1003' ? `Rename to \`${replacement}\`` : `Change to ${replacement}`;
  const [start, end] = [range.start.offset, range.end.offset];
  // A value that is missing begins where the colon ends, or ends where a comment begins: both need a space.
  const written = `${text[start - 1] === ':' ? ' ' : ''}${replacement}${text[end] === '#' ? ' ' : ''}`;
  return [{ title, edits: [{ start, end, text: written }], preferred: true }];
}

function specific(text: string, problem: Problem): QuickFix[] {
  switch (problem.code) {
    case 'MIM1001':
      return tabFixes(text, problem);
    case 'MIM1002':
      return problem.replacement === undefined && problem.key === 'mim' ? [fix('Insert `mim: 1`', { start: 0, end: 0, text: 'mim: 1\n' })] : [];
    case 'MIM1003':
      return [...moveFixes(text, problem), ...removal(text, problem, false)];
    case 'MIM1004':
      return missingKeyFixes(text, problem);
    case 'MIM1008':
    case 'MIM1116':
      return removal(text, problem, true);
    case 'MIM1112':
      return problem.key === 'teacher' ? inserted(text, [], 'teacher', '{ ema: {} }', 'Let the student’s own average teach: `teacher: { ema: {} }`') : [];
    case 'MIM1113':
      return inserted(text, parsePath(problem.key ?? ''), 'at', 'end', 'Evaluate at the end: `at: end`');
    case 'MIM1117':
      return inserted(text, ['data'], 'kind', 'shapes', 'Use made images: `kind: shapes`');
    default:
      return [];
  }
}

function fix(title: string, ...edits: TextEdit[]): QuickFix {
  return { title, edits, preferred: true };
}

function inserted(text: string, path: readonly (string | number)[], key: string, value: string, title: string): QuickFix[] {
  const edit = insertKey(text, path, key, value);
  return edit ? [{ title, edits: [edit], preferred: false }] : [];
}

function removal(text: string, { range, key }: Problem, preferred: boolean): QuickFix[] {
  const offset = range && startOfKey(text, range.start.offset, key);
  const edit = offset === undefined ? undefined : removeKey(text, offset);
  return edit ? [{ title: key ? `Remove \`${key}\`` : 'Remove this key', edits: [edit], preferred }] : [];
}

/** A problem may lie at the value; its key is before it. */
function startOfKey(text: string, offset: number, key: string | undefined): number | undefined {
  const name = key?.split('.').at(-1);
  if (name === undefined || text.startsWith(name, offset)) return offset;
  const before = text.lastIndexOf(`${name}:`, offset);
  return before === -1 ? undefined : before;
}

/** A key written in the wrong section goes to the one it belongs to. */
function moveFixes(text: string, { range, key }: Problem): QuickFix[] {
  const name = key?.split('.').at(-1) ?? '';
  const section = sectionsWithKey(name)[0];
  if (!range || section === undefined) return [];
  const value = valueTextAt(text, range.start.offset);
  const removed = removeKey(text, range.start.offset);
  const added = value === undefined ? undefined : insertKey(text, [section], name, value);
  if (!removed || !added) return [];
  // After the very line that goes away: the new text begins with the line break that is taken.
  if (added.start > removed.start && added.start < removed.end) return [fix(`Move to \`${section}\``, { ...removed, text: `${added.text.replace(/^\n/, '')}\n` })];
  return [fix(`Move to \`${section}\``, removed, added)];
}

function missingKeyFixes(text: string, { key = '' }: Problem): QuickFix[] {
  const path = parsePath(key);
  const name = String(path.at(-1));
  const node = nodeAt(path);
  const values = node ? startingValues(node) : [];
  return values.flatMap((value) => {
    const edit = insertKey(text, path.slice(0, -1), name, value);
    return edit ? [{ title: `Insert \`${name}: ${value}\``, edits: [edit], preferred: value === values[0] }] : [];
  });
}

/** What can stand for a value until its author decides. */
function startingValues(node: SchemaNode): string[] {
  const preset = defaultOf(node);
  if (preset !== undefined) return [preset];
  const choices = choicesOf(node);
  if (choices.length > 0) return choices;
  return formsOf(node).some(({ properties }) => properties?.kind?.enum?.includes('shapes')) ? ['{ kind: shapes }'] : [];
}

function tabFixes(text: string, { range }: Problem): QuickFix[] {
  const start = range?.start.offset ?? 0;
  const tabs = /^\t+/.exec(text.slice(start))?.[0].length ?? 0;
  return tabs > 0 ? [fix('Replace the tab by spaces', { start, end: start + tabs, text: '  '.repeat(tabs) })] : [];
}
