/** The .vsix: what is in it, and the quickstart from the palette of a VS Code that knows nothing but it. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchBrowser } from '../chromium';
import { launchServer, type VsCodeServer } from '../vscode/launch';
import { obtainServer } from '../vscode/obtain';
import { Workbench } from '../vscode/workbench';

const run = promisify(execFile);
const repository = join(import.meta.dirname, '..', '..');
/** Measured 27.1 MiB; the engine and the image library are nine tenths of it. */
const LARGEST_MIB = 32;

let folder: string;
let vsix: string;
let installed: string;
let files: string[];
let server: VsCodeServer | undefined;
let browser: Browser | undefined;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mim-package-test-'));
  vsix = join(folder, 'mim.vsix');
  await run(process.execPath, ['package.mjs', '--out', vsix], { cwd: repository });
  const { node, main } = await obtainServer('newest');
  const extensions = join(folder, 'extensions');
  await run(node, [main, '--install-extension', vsix, '--extensions-dir', extensions, '--server-data-dir', join(folder, 'server'), '--user-data-dir', join(folder, 'user'), '--accept-server-license-terms']);
  const [name] = (await readdir(extensions)).filter((entry) => entry.startsWith('mim-lab.mim-lab-'));
  installed = join(extensions, name!);
  const entries = await readdir(installed, { recursive: true, withFileTypes: true });
  files = entries.filter((entry) => entry.isFile()).map((entry) => relative(installed, join(entry.parentPath, entry.name)).replaceAll('\\', '/'));
});

afterAll(async () => {
  await browser?.close();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

test('it is no larger than it needs to be', async () => {
  expect((await stat(vsix)).size / 2 ** 20).toBeLessThan(LARGEST_MIB);
});

test('it holds what the extension runs on', () => {
  const needed = ['package.json', 'LICENSE.txt', 'dist/extension.cjs', 'dist/mim.mjs', 'dist/webview/dashboard.js', 'dist/webview/dashboard.css', 'dist/webview/checkpoint.js', 'media/icon.png', 'examples/quickstart.mim.yaml', 'docs/errors.md'];
  expect(needed.filter((name) => !files.includes(name))).toEqual([]);
  expect(files.filter((name) => name.endsWith('.node')).length).toBeGreaterThanOrEqual(2);
});

test('it holds nothing of the workshop and of other platforms', () => {
  const other = ['darwin', 'win32', 'linux'].filter((platform) => platform !== process.platform).join('|');
  const unwanted = new RegExp(`^(test|bench|webview|extension|shared|\\.ci|\\.git)/|\\.map$|\\.ts$|tfjs-node|\\.(jpe?g|tar|safetensors|vsix)$|(^|/)(${other})[-/]|quickstart\\.mjs$`);
  expect(files.filter((name) => unwanted.test(name))).toEqual([]);
});

test('its own files name no path of the machine that made it', async () => {
  const own = files.filter((name) => /\.(c?m?js|json|css|md|ya?ml)$/.test(name) && !name.includes('node_modules/'));
  const naming = await Promise.all(own.map(async (name) => ((await readFile(join(installed, name), 'utf8')).includes(repository) ? [name] : [])));
  expect(naming.flat()).toEqual([]);
});

test('the quickstart runs from the palette: teacher, then student', async () => {
  server = await launchServer(await obtainServer('newest'), { extension: installed });
  const workspace = join(server.root, 'workspace');
  await mkdir(workspace, { recursive: true });
  browser = await launchBrowser();
  const workbench = await Workbench.open(browser, server, workspace);
  await workbench.command('MIM: New Experiment');
  await workbench.pick('quickstart.mim.yaml');
  await workbench.answerPath(join(workspace, 'quickstart.mim.yaml'));
  await workbench.tab('quickstart.mim.yaml').waitFor();
  await workbench.notification('Run that one first').waitFor();
  for (const name of ['quickstart-teacher.mim.yaml', 'quickstart.mim.yaml']) await shorten(join(workspace, name));

  for (const name of ['quickstart-teacher', 'quickstart']) {
    const tab = workbench.tab(`${name}.mim.yaml`);
    if (await tab.isVisible()) await tab.click();
    else await workbench.openFile(`${name}.mim.yaml`);
    await expect.poll(() => workbench.editorText(), { timeout: 20_000 }).toMatch(new RegExp(`name: *${name}$`, 'm'));
    await workbench.command('MIM: Run Pretraining');
    const status = () => readFile(join(workspace, 'runs', name, 'status.json'), 'utf8').then((text) => (JSON.parse(text) as { state: string }).state, () => 'none');
    try {
      await expect.poll(status, { timeout: 100_000 }).toBe('finished');
    } finally {
      await workbench.screenshot(`packaged-${name}`);
    }
  }
  await workbench.showContainer('MIM');
  await workbench.row(/quickstart-teacher/).first().waitFor();
  await workbench.screenshot('packaged-quickstart');
});

/** The same experiment in half a minute. `MIM_WHOLE_QUICKSTART=1` leaves it as it is. */
async function shorten(file: string): Promise<void> {
  if (process.env.MIM_WHOLE_QUICKSTART === '1') return;
  const text = await readFile(file, 'utf8');
  await writeFile(file, text.replace('size: 12000', 'size: 512').replace('test_size: 2000', 'test_size: 256').replace(/epochs: 1[26]\b/, 'epochs: 2'));
}
