import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { exitCodeTable } from '../../../extension/cli/exit-codes';
import { buildProgram } from '../../../extension/cli/program';
import { mim, recordingTerminal } from './recording-terminal';

const howToRefresh = 'npm run schema && node dist/mim.mjs schema --format markdown --output docs/config.md';

describe('the documentation', () => {
  it('has the JSON Schema as the program has it', async () => {
    const { stdout } = await mim('schema');
    expect(await readFile('docs/mim.schema.json', 'utf8'), `stale: ${howToRefresh}`).toBe(`${stdout}\n`);
  });

  it('has the reference of experiment files as the schema has it', async () => {
    const { stdout } = await mim('schema', '--format', 'markdown');
    expect(await readFile('docs/config.md', 'utf8'), `stale: ${howToRefresh}`).toBe(`${stdout}\n`);
  });

  it('names every command and every option of it', async () => {
    const page = await readFile('docs/cli.md', 'utf8');
    const readme = await readFile('README.md', 'utf8');
    for (const command of buildProgram(recordingTerminal()).program.commands) {
      const row = page.split('\n').find((line) => line.startsWith(`| \`${command.name()}`));
      expect(row, command.name()).toBeDefined();
      for (const option of command.options) expect(row, command.name()).toContain(option.long ?? option.short);
      expect(readme).toContain(`\`mim ${command.name()}`);
    }
  });

  it('has the exit codes as the program has them', async () => {
    const page = await readFile('docs/cli.md', 'utf8');
    for (const [code, meaning] of exitCodeTable) expect(page).toContain(`| ${code} | ${meaning} |`);
  });

  it('lists every error code of the program once, and no other', async () => {
    const listed = [...(await readFile('docs/errors.md', 'utf8')).matchAll(/^\| (MIM\d{4}) \| /gm)].map((match) => match[1]!);
    const used = new Set<string>();
    for (const name of await readdir('extension', { recursive: true })) {
      if (!name.endsWith('.ts')) continue;
      for (const [, code] of (await readFile(join('extension', name), 'utf8')).matchAll(/'(MIM\d{4})'/g)) used.add(code!);
    }
    expect(listed).toEqual([...used].sort());
  });

  it('refers to files that are there', async () => {
    for (const page of ['README.md', 'CONTRIBUTING.md']) {
      const text = await readFile(page, 'utf8');
      const paths = [...text.matchAll(/\]\(([\w./-]+)\)/g)].map((match) => match[1]!).filter((path) => !path.endsWith('/'));
      for (const path of paths) await expect(readFile(path), `${page} → ${path}`).resolves.toBeDefined();
    }
  });
});
