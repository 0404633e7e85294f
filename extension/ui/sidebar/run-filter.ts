/** Which runs a filter lets through. */
import type { LibraryRun } from '../../core/library/library-run';

export const FILTER_HELP = 'Words of the name, or state:failed, tag:paper, sweep:ratio, method:maskalign, is:starred; -word leaves out';

/** Every word has to fit; a word that begins with `-` must not. Capitals do not matter. */
export function matches(run: LibraryRun, filter: string): boolean {
  return wordsOf(filter).every((word) => (word.startsWith('-') && word.length > 1 ? !fits(run, word.slice(1)) : fits(run, word)));
}

/** Spaces between quotation marks belong to the word. */
function wordsOf(filter: string): string[] {
  return (filter.toLowerCase().match(/(?:"[^"]*"?|[^\s"])+/g) ?? []).map((word) => word.replaceAll('"', '')).filter((word) => word !== '');
}

function fits(run: LibraryRun, word: string): boolean {
  const colon = word.indexOf(':');
  const field = fields.get(word.slice(0, Math.max(0, colon)));
  const wanted = field === undefined ? word : word.slice(colon + 1);
  return (field ?? anywhere)(run).some((text) => text.toLowerCase().includes(wanted));
}

type Field = (run: LibraryRun) => readonly string[];

const fields: ReadonlyMap<string, Field> = new Map<string, Field>([
  ['name', ({ name, id }) => [name, id]],
  ['state', ({ state }) => [state]],
  ['tag', ({ marks }) => marks.tags],
  ['sweep', ({ sweep }) => (sweep === undefined ? [] : [sweep])],
  ['method', ({ config }) => (config === undefined ? [] : [config.method])],
  ['origin', ({ origin }) => [origin]],
  ['is', ({ state, marks }) => [state, marks.starred ? 'starred' : 'plain']],
]);

const anywhere: Field = (run) => [run.name, run.id, run.sweep ?? '', ...run.marks.tags];
