/** What VS Code has to load before the extension can begin, by the bundler's own account of what imports what. */
import { build } from 'esbuild';
import { expect, it } from 'vitest';

const LATER = /^(node_modules\/(yaml|protobufjs|papaparse|filtrex|@huggingface\/hub)\/|extension\/core\/(config\/schema|dashboard\/model|checkpoints\/describe-checkpoint|hub\/client)\.ts)/;

it('is neither the parser nor the schema of experiments, nor what one panel or one kind of file needs', async () => {
  const { metafile } = await build({ entryPoints: ['extension/extension.ts'], bundle: true, write: false, outdir: '/', metafile: true, platform: 'node', format: 'esm', splitting: true, external: ['vscode'], logLevel: 'error' });
  const importedBy = new Map<string, string | undefined>([['extension/extension.ts', undefined]]);
  for (const [file] of importedBy) {
    for (const { path, kind, external } of metafile.inputs[file]?.imports ?? []) {
      if (external !== true && kind !== 'dynamic-import' && !importedBy.has(path)) importedBy.set(path, file);
    }
  }
  const early = [...importedBy.keys()].filter((file) => LATER.test(file));
  expect(early.map((file) => `${file}, imported by ${importedBy.get(file)}`).slice(0, 5)).toEqual([]);
});
