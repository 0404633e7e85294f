/** Jobs outlive windows, and what becomes of them is told as it is. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { fillWorkspace, repository } from './fixture';
import { launchBrowser } from '../chromium';
import { launchServer, type VsCodeServer } from './launch';
import { obtainServer } from './obtain';
import { Workbench } from './workbench';

const SLOW = { timeout: 120_000 };

let server: VsCodeServer;
let browser: Browser;
let workbench: Workbench;
const folder = () => join(server.root, 'workspace');
const status = async (run: string) => JSON.parse(await readFile(join(folder(), 'runs', run, 'status.json'), 'utf8')) as { state: string; step: number; pid: number };
const steps = async (run: string) => (await readFile(join(folder(), 'runs', run, 'metrics.jsonl'), 'utf8')).trim().split('\n').map((line) => (JSON.parse(line) as { step: number }).step);
/** Of the view of runs, not of the checkpoints below it. */
const run = (name: string, rest = '') => workbench.row(new RegExp(`^${name}(?!\\d* checkpoints?).*${rest}`)).first();

/** An experiment like the student's, of `epochs` epochs of 32 steps. */
async function writeExperiment(name: string, epochs: number): Promise<void> {
  const student = await readFile(join(folder(), 'student.mim.yaml'), 'utf8');
  const text = student.replace('name: student', `name: ${name}`).replace('size: 256', 'size: 2048').replace('batch_size: 32', 'batch_size: 64').replace('width: 48, depth: 2', 'width: 96, depth: 4').replace('checkpoint: runs/teacher', 'ema: {}').replace(/epochs: \d+/, `epochs: ${epochs}`).replace('every: 5', 'every: 1');
  await writeFile(join(folder(), `${name}.mim.yaml`), text);
}

beforeAll(async () => {
  server = await launchServer(await obtainServer('newest'), { extension: repository });
  await fillWorkspace(folder());
  await writeExperiment('alone', 5);
  await writeExperiment('killed', 400);
  browser = await launchBrowser();
  workbench = await Workbench.open(browser, server, folder());
});

afterEach((context) => workbench.keepFailure(context));

afterAll(async () => {
  await workbench?.screenshot('jobs-end');
  await browser?.close();
  await server?.stop();
});

test('a window that is closed leaves its job at work; the next one finds it, and no record is missing', async () => {
  await workbench.openFile('alone.mim.yaml');
  await workbench.command('MIM: Run Pretraining');
  await expect.poll(async () => (await status('alone').catch(() => undefined))?.step, SLOW).toBeGreaterThan(2);
  await workbench.page.close();
  const left = (await status('alone')).step;
  await expect.poll(async () => (await status('alone')).step, SLOW).toBeGreaterThan(left);
  workbench = await Workbench.open(browser, server, folder());
  await workbench.showContainer('MIM');
  await run('alone').waitFor(SLOW);
  await expect.poll(async () => (await status('alone')).state, SLOW).toBe('finished');
  const { step } = await status('alone');
  expect(await steps('alone')).toEqual(Array.from({ length: step }, (_, index) => index + 1));
  await run('alone', 'knn').waitFor(SLOW);
});

test('a job that is killed is shown as lost, not running, and goes on from its last checkpoint', async () => {
  await workbench.openFile('killed.mim.yaml');
  await workbench.command('MIM: Run Pretraining');
  await expect.poll(async () => (await status('killed').catch(() => undefined))?.step, SLOW).toBeGreaterThan(33);
  process.kill((await status('killed')).pid, 'SIGKILL');
  const atDeath = (await status('killed')).step;
  await run('killed', 'lost').waitFor(SLOW);
  await workbench.statusItem('mim-lab.mim-lab.mim.jobs').waitFor({ state: 'detached' });
  await workbench.notification(/died without a word/).getByText('Resume', { exact: true }).click(SLOW);
  await expect.poll(async () => (await status('killed')).state, SLOW).toBe('running');
  await expect.poll(async () => (await status('killed')).step, SLOW).toBeGreaterThan(atDeath);
  await workbench.command('MIM: Stop');
  await expect.poll(async () => (await status('killed')).state, SLOW).toBe('stopped');
  const all = await steps('killed');
  expect(all).toEqual(Array.from({ length: all.length }, (_, index) => index + 1));
});

test('where marks cannot be written it is said, and the list stays', async () => {
  await mkdir(join(folder(), 'runs', '.mim', 'marks.json'), { recursive: true });
  await workbench.contextMenu(run('teacher'), 'Star Run');
  await workbench.notification(/marks\.json/).waitFor();
  await run('teacher').waitFor();
});
