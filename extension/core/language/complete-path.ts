/** Files and folders where an experiment names a path. */
import { type Suggestion, keyOf } from './complete';
import { cursorAt } from './cursor';
import type { FolderEntry } from './list-folder';
import { escaped } from './snippets';

/** The entries of a folder as the experiment would write it (relative to its file, `~/…` or absolute); empty where it cannot be read. */
export type ListFolder = (folder: string) => Promise<readonly FolderEntry[]>;

const WEIGHTS = /\.(safetensors|bin|pth|pt)$/i;
const DATA = /\.(tar|gz|bin|parquet|idx\d?)$|ubyte$/i;

/** What a path of each key may end in; folders always may. */
const files: Readonly<Record<string, RegExp | undefined>> = {
  'data.path': DATA,
  'data.test_path': DATA,
  'teacher.checkpoint': WEIGHTS,
  'init.checkpoint': WEIGHTS,
  runs: /$^/,
};

/** Plain characters of a YAML value; other names are left to be typed, with quotes. */
const PLAIN = /^[\p{L}\p{N}_.][\p{L}\p{N}_ .~@+()=-]*$/u;

export async function pathSuggestionsAt(text: string, offset: number, list: ListFolder): Promise<Suggestion[]> {
  const cursor = cursorAt(text, offset);
  const wanted = cursor?.part === 'value' ? files[keyOf(cursor.path)] : undefined;
  if (!cursor || !wanted) return [];
  const quote = /^["']/.exec(text.slice(cursor.start, cursor.end))?.[0].length ?? 0;
  const written = text.slice(cursor.start + quote, offset);
  const segment = written.lastIndexOf('/') + 1;
  const entries = await list(written.slice(0, segment) || '.');
  return entries
    .filter(({ name, isFolder }) => (isFolder || wanted.test(name)) && PLAIN.test(name) && name.startsWith('.') === written.slice(segment).startsWith('.'))
    .map(({ name, isFolder }) => ({
      kind: isFolder ? 'folder' : 'file',
      label: isFolder ? `${name}/` : name,
      start: cursor.start + quote + segment,
      end: quote > 0 ? offset : cursor.end,
      snippet: `${cursor.needsSpace ? ' ' : ''}${escaped(isFolder ? `${name}/` : name)}`,
      order: `${isFolder ? 0 : 1}${name}`,
    }));
}
