/** The examples as beginnings of a user's own experiments. */
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

export interface Template {
  readonly label: string;
  /** The first sentence of the file's opening comment. */
  readonly detail: string;
  readonly file: string;
}

export async function templatesIn(folder: string): Promise<Template[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.mim.yaml')).sort();
  return Promise.all(
    names.map(async (name) => {
      const file = path.join(folder, name);
      return { label: name, detail: openingSentence(await readFile(file, 'utf8')), file };
    }),
  );
}

export function openingSentence(text: string): string {
  const lines = text.split('\n');
  const end = lines.findIndex((line) => !line.startsWith('#'));
  const comment = lines.slice(0, end === -1 ? undefined : end).map((line) => line.replace(/^#\s?/, '')).join(' ').trim();
  return /^.*?[.:](?=\s|$)/.exec(comment)?.[0] ?? comment;
}
