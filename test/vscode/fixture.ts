/** A workspace with experiments, a trained teacher and a finished student, made by the product's own command line. */
import { execFile } from 'node:child_process';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
export const repository = join(import.meta.dirname, '..', '..');

/** The experiments alone, nothing trained yet. */
export function copyExperiments(folder: string): Promise<void> {
  return cp(join(import.meta.dirname, 'workspace'), folder, { recursive: true });
}

export async function fillWorkspace(folder: string): Promise<void> {
  await copyExperiments(folder);
  await mim(folder, 'teacher', 'teacher.mim.yaml');
  await mim(folder, 'pretrain', 'student.mim.yaml', '--set', 'schedule.epochs=2');
  const student = await readFile(join(folder, 'student.mim.yaml'), 'utf8');
  const short = student.replace('name: student', 'name: editing').replace(/epochs: \d+/, 'epochs: 3');
  await writeFile(join(folder, 'editing.mim.yaml'), short);
  await writeFile(join(folder, 'queued.mim.yaml'), short.replace('name: editing', 'name: queued'));
  await writeFile(join(folder, 'broken.mim.yaml'), 'mim: 1\nname: [broken\nmethod: maskalign\n');
  await writeFile(join(folder, 'not-one.safetensors'), 'This is not a checkpoint.');
}

/** Runs the built command line to its end. */
export async function mim(folder: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await run(process.execPath, [join(repository, 'dist', 'mim.mjs'), ...args], { cwd: folder });
  return stdout;
}
