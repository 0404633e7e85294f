/** The examples as beginnings of a user's own experiments, which keep their runs beside them. */
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

export interface Template {
  readonly label: string;
  /** The first sentence of the file's opening comment. */
  readonly detail: string;
  readonly file: string;
}

export async function templatesIn(folder: string): Promise<Template[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.mim.yaml')).sort(quickstartsFirst);
  return Promise.all(
    names.map(async (name) => {
      const file = path.join(folder, name);
      return { label: name, detail: openingSentence(await readFile(file, 'utf8')), file };
    }),
  );
}

/** What a newcomer begins with, then the others by name. */
function quickstartsFirst(a: string, b: string): number {
  const rank = (name: string) => (name === 'quickstart.mim.yaml' ? 0 : name.startsWith('quickstart') ? 1 : 2);
  return rank(a) - rank(b) || a.localeCompare(b);
}

export function openingSentence(text: string): string {
  const lines = text.split('\n');
  const end = lines.findIndex((line) => !line.startsWith('#'));
  const comment = lines.slice(0, end === -1 ? undefined : end).map((line) => line.replace(/^#\s?/, '')).join(' ').trim();
  return /^.*?\.(?=\s|$)/.exec(comment)?.[0] ?? comment;
}

/** An example's text for another folder: its runs and its teacher's lie beside it there, not beside a folder of examples. */
export function placedText(example: string): string {
  return example.replace(/^(\s*(?:runs|checkpoint):\s*)\.\.\/runs/gm, '$1./runs');
}

/** The example that trains the teacher this one learns from, where it is one of the examples. */
export function teacherTemplate(example: string, templates: readonly Template[]): Template | undefined {
  const name = /^\s*checkpoint:\s*\.\.\/runs\/([\w-]+)\s*$/m.exec(example)?.[1];
  return templates.find(({ label }) => label === `${name}.mim.yaml`);
}
