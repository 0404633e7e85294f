/** From a new experiment to an inspected checkpoint, as a user goes through the workbench. Each test goes on where the last one ended. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, Frame } from 'playwright-core';
import { PNG } from 'pngjs';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { fillWorkspace, repository } from './fixture';
import { launchBrowser } from '../chromium';
import { launchServer, type VsCodeServer } from './launch';
import { obtainServer } from './obtain';
import { Workbench } from './workbench';

/** Share of a canvas that is painted, read from the page's own pixels. */
async function painted(frame: Frame): Promise<number> {
  const shot = PNG.sync.read(await frame.locator('canvas').first().screenshot());
  const background = shot.data.readUInt32BE(0);
  let others = 0;
  for (let at = 0; at < shot.data.length; at += 4) if (shot.data.readUInt32BE(at) !== background) others += 1;
  return others / (shot.data.length / 4);
}

describe.each(['newest', 'floor'] as const)('in the %s VS Code', (release) => {
  const suffix = release === 'newest' ? '' : `-${release}`;
  let server: VsCodeServer;
  let browser: Browser;
  let workbench: Workbench;
  const folder = () => join(server.root, 'workspace');

  beforeAll(async () => {
    server = await launchServer(await obtainServer(release), { extension: repository });
    await fillWorkspace(folder());
    // A training long enough to be watched.
    const student = await readFile(join(folder(), 'student.mim.yaml'), 'utf8');
    const long = student.replace('name: student', 'name: journey').replace('size: 256', 'size: 2048').replace('batch_size: 32', 'batch_size: 64').replace('width: 48, depth: 2', 'width: 96, depth: 4').replace('checkpoint: runs/teacher', 'ema: {}').replace(/epochs: \d+/, 'epochs: 400');
    await writeFile(join(folder(), 'journey.mim.yaml'), long);
    browser = await launchBrowser();
    workbench = await Workbench.open(browser, server, folder());
  });

  afterEach((context) => workbench.keepFailure(context));

  afterAll(async () => {
    await workbench?.screenshot(`journey-end-${release}`);
    await browser?.close();
    await server?.stop();
  });

  const status = async (run: string) => JSON.parse(await readFile(join(folder(), 'runs', run, 'status.json'), 'utf8')) as { state: string; step: number };
  const dashboard = () => workbench.webview('canvas', 60_000);

  test('a new experiment begins from a template', async () => {
    await workbench.command('MIM: New Experiment', 'quickstart.mim.yaml');
    await workbench.answerPath(join(folder(), 'mine.mim.yaml'));
    await workbench.tab('mine.mim.yaml').waitFor();
    expect(await readFile(join(folder(), 'mine.mim.yaml'), 'utf8')).toContain('method: maskalign');
  });

  test('it runs from the palette, and its row says how far it is', async () => {
    await workbench.openFile('journey.mim.yaml');
    await workbench.codeLens('Run').first().waitFor();
    await workbench.screenshot(`editor-dark${suffix}`);
    await workbench.command('MIM: Run Pretraining');
    await workbench.notification('started').waitFor();
    await workbench.showContainer('MIM');
    await workbench.row(/journey.*%/).first().waitFor({ timeout: 120_000 });
    await workbench.page.locator('.statusbar-item').filter({ hasText: 'journey' }).first().waitFor();
  });

  test('its curves are drawn while it trains', async () => {
    await workbench.command('MIM: Open Dashboard');
    // The page is loaded anew when there are pictures it may show.
    await expect.poll(async () => painted(await dashboard()), { timeout: 120_000 }).toBeGreaterThan(0.005);
    for (const theme of ['dark', 'light', 'high-contrast'] as const) {
      await workbench.useTheme(theme);
      await workbench.page.waitForTimeout(1000);
      await workbench.screenshot(`dashboard-${theme}${suffix}`);
    }
    await workbench.useTheme('dark');
  });

  test('a reload of the window leaves it running, and the dashboard comes back', async () => {
    const before = (await status('journey')).step;
    await workbench.reload();
    await dashboard();
    await expect.poll(async () => (await status('journey')).step, { timeout: 120_000 }).toBeGreaterThan(before);
    expect((await status('journey')).state).toBe('running');
  });

  test('it pauses, continues, stops and resumes', async () => {
    await workbench.showContainer('MIM');
    await workbench.row(/journey/).first().waitFor();
    await workbench.rowAction(/journey/, 'Pause');
    await expect.poll(async () => (await status('journey')).state, { timeout: 120_000 }).toBe('paused');
    await workbench.row(/journey.*paused/i).first().waitFor();
    await workbench.rowAction(/journey/, 'Continue');
    await expect.poll(async () => (await status('journey')).state, { timeout: 120_000 }).toBe('running');
    await workbench.rowAction(/journey/, 'Stop');
    await expect.poll(async () => (await status('journey')).state, { timeout: 120_000 }).toBe('stopped');
    const stoppedAt = (await status('journey')).step;
    await workbench.rowAction(/journey/, 'Resume');
    await expect.poll(async () => (await status('journey')).step, { timeout: 120_000 }).toBeGreaterThan(stoppedAt);
    await workbench.rowAction(/journey/, 'Stop');
    await expect.poll(async () => (await status('journey')).state, { timeout: 120_000 }).toBe('stopped');
  });

  test('a checkpoint is probed', async () => {
    await workbench.command('MIM: Evaluate Checkpoint', 'journey, step', 'kNN');
    await expect.poll(async () => (await readdir(join(folder(), 'runs', 'journey', 'evaluations')).catch(() => [])).join(), { timeout: 120_000 }).toMatch(/knn-\d+\.json/);
  });

  test('runs are compared with what differs', async () => {
    await workbench.command('MIM: Compare Selected Runs', ['journey', 'student']);
    const frame = await workbench.webview('table');
    // What one has and the other has not: the size of the data.
    await expect.poll(async () => (await frame.locator('table').allInnerTexts()).join(), { timeout: 120_000 }).toMatch(/2,?048/);
    await workbench.screenshot(`compare-dark${suffix}`);
  });

  test('a checkpoint is inspected', async () => {
    await workbench.row(/^step /).first().click();
    const frame = await workbench.webview('[role="treegrid"]');
    await frame.getByText('blocks').first().waitFor();
    await workbench.screenshot(`checkpoint-dark${suffix}`);
  });
});
