/** What a user sees when something is wrong: a message that says what to do, and everything else as before. */
import { appendFile, chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { copyExperiments, fillWorkspace, repository } from './fixture';
import { launchBrowser } from '../chromium';
import { launchServer, type VsCodeServer } from './launch';
import { obtainServer } from './obtain';
import { Workbench } from './workbench';

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser?.close());

/** Nothing of what users are told is a stack trace. */
async function noStackTrace(workbench: Workbench): Promise<void> {
  const told = await workbench.page.locator('.notification-toast').allInnerTexts();
  expect(told.filter((text) => /\n\s+at |TypeError|node:internal/.test(text))).toEqual([]);
}

describe('in a trusted workspace', () => {
  let server: VsCodeServer;
  let workbench: Workbench;
  const folder = () => join(server.root, 'workspace');
  const write = async (name: string, change: (text: string) => string) => writeFile(join(folder(), name), change(await readFile(join(folder(), 'student.mim.yaml'), 'utf8')));

  beforeAll(async () => {
    server = await launchServer(await obtainServer('newest'), { extension: repository });
    await fillWorkspace(folder());
    await write('nowhere.mim.yaml', (text) => text.replace('name: student', 'name: nowhere').replace(/runs: .*\n|$/, '\nruns: a-file/runs\n'));
    await writeFile(join(folder(), 'a-file'), 'no folder');
    await write('unknown.mim.yaml', (text) => text.replace('name: student', 'name: unknown').replace('checkpoint: runs/teacher', 'checkpoint: runs/never-trained'));
    workbench = await Workbench.open(browser, server, folder());
  });
  afterEach(async () => {
    await noStackTrace(workbench);
    await workbench.page.keyboard.press('Escape');
  });
  afterAll(async () => {
    await workbench?.screenshot('faults-end');
    await server?.stop();
  });

  test('a broken experiment is not run, and its problems are a click away', async () => {
    await workbench.openFile('broken.mim.yaml');
    await workbench.command('MIM: Run Pretraining');
    await workbench.told(/broken\.mim\.yaml cannot be run/);
  });

  test('a teacher that was never trained is named', async () => {
    await workbench.openFile('unknown.mim.yaml');
    await workbench.command('MIM: Run Pretraining');
    await workbench.told(/unknown\.mim\.yaml.*(cannot be run|failed).*never-trained/s, 120_000);
  });

  test('a place that cannot be written is named', async () => {
    await workbench.openFile('nowhere.mim.yaml');
    await workbench.command('MIM: Run Pretraining');
    await workbench.told(/(cannot be run|failed).*a-file/s, 120_000);
  });

  test('a run whose folder goes while it is shown leaves the list, and the others stay', async () => {
    await workbench.showContainer('MIM');
    await workbench.row(/^student/).first().waitFor();
    await workbench.command('MIM: Open Dashboard');
    await workbench.webview('canvas', 60_000);
    await rm(join(folder(), 'runs', 'student'), { recursive: true });
    await workbench.row(/^student/).first().waitFor({ state: 'detached' });
    await workbench.row(/^teacher/).first().waitFor();
  });

  test('a half-written record is passed over until it is whole', async () => {
    const metrics = join(folder(), 'runs', 'teacher', 'metrics.jsonl');
    await appendFile(metrics, '{"step": 99999, "lo');
    await workbench.command('MIM: Open Dashboard');
    const frame = await workbench.webview('canvas', 60_000);
    expect(await frame.locator('.problem:visible').count()).toBe(0);
  });

  test('a file that is no checkpoint says so in its editor', async () => {
    await workbench.openFile('not-one.safetensors');
    // The page is there, with an alert that is still hidden, before the host has read the file.
    const frame = await workbench.webview('[role="alert"]', 60_000);
    await expect.poll(() => frame.locator('[role="alert"]:visible').innerText(), { timeout: 60_000 }).toMatch(/MIM3/);
  });
});

describe('a worker that dies at start', () => {
  let server: VsCodeServer;
  afterAll(() => server?.stop());

  test('is told as a failure with the program’s own words', async () => {
    const program = join(await mkdtemp(join(tmpdir(), 'mim-no-node-')), 'node');
    await writeFile(program, '#!/bin/sh\necho "this is not the Node you look for" >&2\nexit 3\n');
    await chmod(program, 0o755);
    server = await launchServer(await obtainServer('newest'), { extension: repository, settings: { 'mim.nodePath': program } });
    const folder = join(server.root, 'workspace');
    await copyExperiments(folder);
    const workbench = await Workbench.open(browser, server, folder);
    await workbench.openFile('teacher.mim.yaml');
    await workbench.command('MIM: Run Pretraining');
    try {
      await workbench.told(/fail|cannot be started/i, 120_000);
    } finally {
      await workbench.screenshot('faults-worker');
    }
    await noStackTrace(workbench);
  });
});

describe('in Restricted Mode', () => {
  let server: VsCodeServer;
  afterAll(() => server?.stop());

  test('runs are browsed and nothing that runs is offered', async () => {
    server = await launchServer(await obtainServer('newest'), { extension: repository, workspaceTrust: true });
    const folder = join(server.root, 'workspace');
    await fillWorkspace(folder);
    const workbench = await Workbench.open(browser, server, folder);
    const ask = workbench.dialog();
    await ask.waitFor({ timeout: 15_000 }).catch(() => undefined);
    if (await ask.isVisible()) await ask.getByText(/No, I don't trust/).click();
    await workbench.showContainer('MIM');
    await workbench.row(/^student/).first().waitFor();
    const offered = await workbench.offered('MIM: ');
    expect(offered.filter((title) => /Open Dashboard|Inspect Checkpoint/.test(title)).length).toBe(2);
    expect(offered.filter((title) => /Run Pretraining|Run Sweep|Evaluate|Resume|Doctor/.test(title))).toEqual([]);
    await workbench.screenshot('restricted');
  });
});
