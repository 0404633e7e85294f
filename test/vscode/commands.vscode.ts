/** Every command of the palette once, with what the user sees of it, and the menus of rows. Each test goes on where the last one ended. */
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { fillWorkspace, repository } from './fixture';
import { launchBrowser } from '../chromium';
import { launchServer, type VsCodeServer } from './launch';
import { obtainServer } from './obtain';
import { Workbench } from './workbench';

const SLOW = { timeout: 120_000 };

/** Nothing is installed, and nothing answers where it would be downloaded from. */
const withoutEngines = { MIM_ENGINES: '/nowhere', TFJS_NODE_BASE_URI: 'http://127.0.0.1:1/libtensorflow-', HTTPS_PROXY: '', https_proxy: '', HTTP_PROXY: '', http_proxy: '' };

let server: VsCodeServer;
let browser: Browser;
let workbench: Workbench;
const folder = () => join(server.root, 'workspace');
const inRuns = (...path: string[]) => join(folder(), 'runs', ...path);
const status = async (run: string) => JSON.parse(await readFile(inRuns(run, 'status.json'), 'utf8')) as { state: string; step: number };
const state = async (run: string) => (await status(run)).state;
const step = async (run: string) => (await status(run)).step;
/** Of the view of runs, not of the checkpoints below it. */
const run = (name: string, rest = '') => workbench.row(new RegExp(`^${name}(?!\\d* checkpoints?).*${rest}`)).first();

/** Commands of the palette that a test here has run, by their titles. */
const ran = new Set<string>();
const command = async (title: string, ...picks: readonly string[]) => {
  await workbench.command(`MIM: ${title}`, ...picks);
  ran.add(title);
};

beforeAll(async () => {
  server = await launchServer(await obtainServer('newest'), { extension: repository, environment: withoutEngines });
  await fillWorkspace(folder());
  const student = await readFile(join(folder(), 'student.mim.yaml'), 'utf8');
  const long = student.replace('name: student', 'name: long').replace('size: 256', 'size: 2048').replace('width: 48, depth: 2', 'width: 96, depth: 4').replace('checkpoint: runs/teacher', 'ema: {}').replace(/epochs: \d+/, 'epochs: 400');
  await writeFile(join(folder(), 'long.mim.yaml'), long);
  await writeFile(join(folder(), 'ratios.mim.yaml'), `${student.replace('name: student', 'name: ratios').replace(/epochs: \d+/, 'epochs: 2')}sweep:\n  grid: { masking.ratio: [0.5, 0.9] }\n`);
  await mkdir(join(server.root, 'elsewhere', 'mae'), { recursive: true });
  await writeFile(join(server.root, 'elsewhere', 'mae', 'log.txt'), [0.9, 0.5, 0.25].map((loss, epoch) => `${JSON.stringify({ train_loss: loss, train_lr: 1e-3, epoch })}\n`).join(''));
  browser = await launchBrowser();
  workbench = await Workbench.open(browser, server, folder());
  await workbench.showContainer('MIM');
  await run('student').waitFor(SLOW);
});

beforeEach(async () => {
  await workbench.clearNotifications();
  await workbench.showContainer('MIM');
});
afterEach((context) => workbench.keepFailure(context));

afterAll(async () => {
  await workbench?.screenshot('commands-end');
  await browser?.close();
  await server?.stop();
});

test('what no run allows is not offered', async () => {
  expect(await workbench.offered('MIM: Open Dashboard')).toContain('MIM: Open Dashboard');
  // The list shows some twenty rows: each is asked for by its own name.
  for (const title of ['Stop', 'Pause', 'Continue']) expect(await workbench.offered(`MIM: ${title}`)).not.toContain(`MIM: ${title}`);
});

test('New Experiment begins from a template, and brings the teacher it learns from', async () => {
  await command('New Experiment', 'quickstart.mim.yaml');
  await workbench.answerPath(join(folder(), 'mine'));
  await workbench.tab('mine.mim.yaml').waitFor();
  await workbench.notification('Train Teacher').waitFor();
  expect(existsSync(join(folder(), 'quickstart-teacher.mim.yaml'))).toBe(true);
});

test('Run Sweep says what is missing in an experiment that is none, and runs one that is', async () => {
  await workbench.openFile('student.mim.yaml');
  await command('Run Sweep');
  await workbench.notification('has no `sweep` section').waitFor();
  await workbench.openFile('ratios.mim.yaml');
  await command('Run Sweep');
  await workbench.row(/^ratios.*2 runs/).first().waitFor(SLOW);
  await workbench.notification('sweep of ratios.mim.yaml is finished').waitFor(SLOW);
});

test('the best probe of earlier runs stands above the ratio, as a line of bars', async () => {
  await workbench.codeLens(/best so far: knn .* · 0\.5 [▁▂▃▄▅▆▇█]+ 0\.9/).first().waitFor(SLOW);
});

test('Preview Masks opens a picture', async () => {
  await workbench.openFile('student.mim.yaml');
  await command('Preview Masks');
  await workbench.tab('student-masks.png').waitFor(SLOW);
});

test('Add Runs Made Elsewhere shows them among the others; they can be looked at, and nothing else', async () => {
  await command('Add Runs Made Elsewhere');
  await workbench.answerPath(`${join(server.root, 'elsewhere')}/`);
  await run('mae', 'loss 0\\.25').waitFor(SLOW);
  expect(await workbench.menuOf(run('mae'))).toEqual(['Open Dashboard', 'Reveal Run Folder', 'Star Run', 'Rename Run…', 'Tag Run…']);
});

test('the menu of a run is that of its state', async () => {
  expect(await workbench.menuOf(run('student'))).toEqual(['Evaluate Checkpoint…', 'Branch from Checkpoint…', 'Open Dashboard', 'Open Run Config', 'Reveal Run Folder', 'Show Log', 'Star Run', 'Rename Run…', 'Tag Run…', 'Delete Run…']);
  expect(await workbench.menuOf(workbench.spokenRow('student, step 16'))).toEqual(['Inspect Checkpoint…', 'Compare Checkpoints…', 'Evaluate Checkpoint…', 'Resume from Checkpoint…', 'Branch from Checkpoint…', 'Export Checkpoint…']);
});

test('a run is starred, named and tagged from its row, and keeps its folder', async () => {
  await workbench.contextMenu(run('student'), 'Star Run');
  await run('student', '★').waitFor();
  await workbench.contextMenu(run('student'), 'Rename Run');
  await workbench.answer('my student');
  await workbench.contextMenu(run('my student', '★'), 'Tag Run');
  await workbench.answer('paper, first');
  await run('my student', '#paper #first').waitFor();
  await workbench.contextMenu(run('my student'), 'Rename Run');
  await workbench.answer('');
  await run('student', '#paper').waitFor();
  expect(existsSync(inRuns('student', 'config.yaml'))).toBe(true);
});

test('Filter Runs and Sort Runs change the list; a filter that nothing fits says how to change it', async () => {
  await command('Filter Runs');
  await workbench.answer('tag:nothing');
  await workbench.page.locator('.welcome-view').filter({ hasText: 'No run matches the filter' }).waitFor();
  await workbench.page.locator('.welcome-view').getByText('Change Filter').click();
  await workbench.answer('');
  await command('Sort Runs', 'Name');
  await expect.poll(() => workbench.topRow().innerText(), SLOW).toMatch(/^student/);
  await command('Refresh Runs');
});

test('Compare Selected Runs and Diff Configs are about the runs selected in the list', async () => {
  await run('teacher').click();
  await run('student').click({ modifiers: ['ControlOrMeta'] });
  await command('Compare Selected Runs');
  const frame = await workbench.webview('table', 60_000);
  await expect.poll(async () => (await frame.locator('table').allInnerTexts()).join(), SLOW).toMatch(/teacher[^]*student|student[^]*teacher/);
  await command('Diff Configs');
  await workbench.tab(/↔/).waitFor();
  await workbench.page.locator('.monaco-diff-editor').waitFor();
  await workbench.screenshot('diff-configs');
});

test('Open Dashboard, Inspect Checkpoint and Compare Checkpoints open their pages', async () => {
  await command('Open Dashboard');
  await workbench.frontTab('MIM Dashboard').waitFor();
  await command('Inspect Checkpoint', 'student, step 16');
  await (await workbench.webview('[role="treegrid"]', 60_000)).getByText('blocks').first().waitFor();
  await command('Compare Checkpoints', 'student, step 0');
  await workbench.webview(':text("Against checkpoints/step-000000")', 60_000);
});

test('Branch from Checkpoint opens the experiment with the checkpoint filled in, and writes nothing', async () => {
  const before = await readdir(folder());
  await command('Branch from Checkpoint', 'student, step 16');
  await workbench.tab('student-from-16.mim.yaml').waitFor();
  await expect.poll(() => workbench.editorText(), SLOW).toContain('init: { checkpoint: ./runs/student/checkpoints/step-000016/model.safetensors }');
  expect(await readdir(folder())).toEqual(before);
});

test('Export Checkpoint writes a file of timm’s names', async () => {
  await command('Export Checkpoint', 'student, step 16', 'Safetensors');
  await workbench.answerPath(join(folder(), 'exported.safetensors'));
  await workbench.notification('Wrote exported.safetensors').waitFor(SLOW);
});

test('Export Checkpoint writes an ONNX model', async () => {
  await command('Export Checkpoint', 'student, step 16', 'ONNX');
  await workbench.answerPath(join(folder(), 'exported.onnx'));
  await workbench.notification('Wrote exported.onnx').waitFor(SLOW);
});

test('Evaluate Checkpoint asks for the protocol, and its result is on the row of the checkpoint', async () => {
  await command('Evaluate Checkpoint', 'student, step 0', 'kNN');
  await expect.poll(async () => (await readdir(inRuns('student', 'evaluations'))).join(), SLOW).toContain('knn-0.json');
  await workbench.notification('evaluation of student is finished').waitFor(SLOW);
});

test('Reveal Run Folder shows it in the explorer where there is no file manager', async () => {
  await command('Reveal Run Folder', 'student');
  await workbench.page.locator('.explorer-folders-view .monaco-list-row.selected, .explorer-folders-view .monaco-list-row.focused').filter({ hasText: 'student' }).first().waitFor();
});

test('Doctor opens its report, Show Log the log', async () => {
  await command('Doctor');
  await workbench.tab('MIM Doctor').waitFor(SLOW);
  await expect.poll(() => workbench.editorText(), SLOW).toMatch(/engine compiled-cpu/);
  await command('Refresh Engines');
  await command('Show Log');
  await workbench.page.locator('.part.panel').getByText('MIM Lab').first().waitFor({ state: 'attached' });
  await workbench.command('View: Hide Panel');
  await workbench.contextMenu(run('student'), 'Show Log');
  await workbench.tab('log.txt').waitFor();
});

test('Set Up GPU Engine shows what is missing where one cannot be installed', async () => {
  await command('Set Up GPU Engine', 'tfjs-node-gpu');
  await workbench.tab('MIM GPU Engine').waitFor(SLOW);
  await expect.poll(() => workbench.editorText(), SLOW).toMatch(/tfjs-node-gpu: not installed/);
  await workbench.notification('cannot be installed: network').waitFor(SLOW);
});

test('Run Pretraining, Pause, Continue, Stop and Resume from Checkpoint lead a run through its states', async () => {
  await workbench.openFile('long.mim.yaml');
  await command('Run Pretraining');
  await run('long', '%').waitFor(SLOW);
  expect((await workbench.menuOf(run('long'))).slice(0, 3)).toEqual(['Pause', 'Stop', 'Branch from Checkpoint…']);
  const ofCheckpoint = await workbench.menuOf(workbench.spokenRow('long, step 0'));
  expect(ofCheckpoint).toContain('Inspect Checkpoint…');
  expect(ofCheckpoint).not.toContain('Resume from Checkpoint…');
  await command('Pause');
  await run('long', 'paused').waitFor(SLOW);
  expect((await workbench.menuOf(run('long'))).slice(0, 2)).toEqual(['Continue', 'Stop']);
  await command('Continue');
  await expect.poll(() => state('long'), SLOW).toBe('running');
  await run('long', '%').waitFor(SLOW);
  await command('Stop');
  await run('long', 'stopped').waitFor(SLOW);
  expect((await workbench.menuOf(run('long'))).slice(0, 2)).toEqual(['Resume from Checkpoint…', 'Evaluate Checkpoint…']);
  await command('Resume from Checkpoint', `long, step ${await step('long')}`);
  await expect.poll(() => state('long'), SLOW).toBe('running');
  await workbench.command('MIM: Stop');
  await run('long', 'stopped').waitFor(SLOW);
});

test('the delete key asks about the selected run; without a trash nothing is deleted before a second question', async () => {
  await run('long', 'stopped').click();
  await workbench.page.keyboard.press('Delete');
  await workbench.dialog().getByText('Move long to the trash?').waitFor();
  await workbench.dialog().getByRole('button', { name: 'Cancel' }).click();
  expect(existsSync(inRuns('long'))).toBe(true);
  await command('Delete Run', 'long');
  await workbench.dialog().getByRole('button', { name: 'Move to Trash' }).click();
  // VS Code's server has no trash.
  await workbench.dialog().getByText('long cannot be moved to the trash').waitFor();
  expect(existsSync(inRuns('long', 'config.yaml'))).toBe(true);
  await workbench.dialog().getByRole('button', { name: 'Delete Permanently' }).click();
  await expect.poll(() => existsSync(inRuns('long')), SLOW).toBe(false);
  await run('long').waitFor({ state: 'detached' });
});

test('no command of the palette is left out here', async () => {
  const { contributes } = JSON.parse(await readFile(join(repository, 'package.json'), 'utf8')) as { contributes: { commands: { command: string; title: string }[]; menus: { commandPalette: { command: string; when: string }[] } } };
  const hidden = new Set(contributes.menus.commandPalette.filter(({ when }) => when === 'false').map((item) => item.command));
  // What is done to the queue is tested by itself: in the suite, in the tests of its tree and of the menus, and as `mim queue`.
  const isOfQueue = (command: string) => command.startsWith('mim.queue.');
  const titles = contributes.commands.filter((declared) => !hidden.has(declared.command) && !isOfQueue(declared.command)).map(({ title }) => title.replace('…', ''));
  expect(titles.filter((title) => !ran.has(title))).toEqual([]);
});
