import AxeBuilder from '@axe-core/playwright';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { launchBrowser } from '../chromium';
import { base, compare, curves, live, runs, seed0, seed1 } from './dashboard-data';
import { bundleDashboard, DashboardPage, pixelsOf, type OpenOptions } from './dashboard-page';
import { themes, type Theme } from './dashboard-themes';

let browser: Browser;
let files: Map<string, string>;
let opened: DashboardPage;
beforeAll(async () => {
  [browser, files] = await Promise.all([launchBrowser(), bundleDashboard()]);
});
afterAll(() => browser?.close());
afterEach(async () => {
  expect(opened.complaints).toEqual([]);
  await opened.close();
});

async function open(options: OpenOptions = {}): Promise<DashboardPage> {
  opened = await DashboardPage.open(browser, files, options);
  return opened;
}

const eventually = <T>(read: () => Promise<T>, expected: T) => vi.waitFor(async () => expect(await read()).toEqual(expected), { timeout: 10_000 });
const selected = [seed0, seed1, base];

async function openCurves(options: OpenOptions = {}): Promise<DashboardPage> {
  await open(options);
  await opened.hear({ type: 'runs', runs }, { type: 'navigate', state: { selected } }, { type: 'view', data: curves(selected) });
  await opened.page.locator('figure canvas').first().waitFor();
  return opened;
}

it('says it is ready, takes the newest runs, and asks for their curves', async () => {
  await open();
  expect(await opened.said()).toEqual([{ type: 'ready' }]);
  await opened.hear({ type: 'runs', runs });
  await eventually(async () => (await opened.lastSaid('show'))?.state.selected.length, 3);
  expect((await opened.kept())?.selected[0]).toBe(live);
});

it('draws the loss of every run in its colour, in every theme', async () => {
  await openCurves();
  for (const theme of ['dark', 'light', 'high-contrast'] as const) {
    await opened.setTheme(theme);
    const loss = opened.page.getByRole('img', { name: /^Loss of 3 runs/ });
    for (const color of ['charts-orange', 'charts-green', 'charts-blue'] as const) {
      await vi.waitFor(async () => expect(await pixelsOf(loss, themes[theme][color])).toBeGreaterThan(60), { timeout: 10_000 });
    }
    await opened.picture(`curves-${theme}`);
  }
});

it('has no serious accessibility violation', async () => {
  for (const theme of ['dark', 'light', 'high-contrast'] satisfies Theme[]) {
    await openCurves({ theme, bypassCSP: true });
    const { violations } = await new AxeBuilder({ page: opened.page }).analyze();
    expect(violations.filter(({ impact }) => impact === 'serious' || impact === 'critical').map(({ id, nodes }) => [theme, id, nodes.map(({ html }) => html.slice(0, 160))])).toEqual([]);
    if (theme !== 'high-contrast') await opened.close();
  }
});

it('compares runs: a head sorts, a value opens its config key, a table is saved', async () => {
  const { page } = await open();
  await opened.hear({ type: 'runs', runs }, { type: 'navigate', state: { selected, view: 'compare', baseline: base } }, { type: 'view', data: compare() });
  await page.getByRole('button', { name: '0.75', exact: true }).first().click();
  await eventually(() => opened.lastSaid('open-config'), { type: 'open-config', run: seed0, key: 'masking.ratio' });
  await page.getByRole('button', { name: 'diff' }).first().click();
  await eventually(() => opened.lastSaid('diff-configs'), { type: 'diff-configs', left: base, right: seed0 });
  await page.getByRole('button', { name: 'CSV' }).click();
  await eventually(async () => (await opened.lastSaid('export'))?.content, 'Run,Probe linear,masking.ratio\r\nbaseline,0.38,0.6\r\nr0.7-s0,0.42,0.75\r\n');
  await page.getByRole('button', { name: 'Probe linear' }).click();
  await eventually(async () => (await opened.lastSaid('show'))?.state.compare.sort, { column: 'probe:linear', descending: true });
  await opened.picture('compare-dark');
});

it('walks the runs with the arrow keys and selects with the space bar', async () => {
  await openCurves();
  await opened.page.getByRole('checkbox', { name: 'Show all runs of sweep ratio' }).focus();
  for (const key of ['ArrowDown', 'ArrowDown', 'Space']) await opened.page.keyboard.press(key);
  await eventually(async () => (await opened.lastSaid('show'))?.state.selected, [live, seed1, seed0, base]);
});

it('moves the cursor with the keys, opens the config of the chosen curve, and shows its data as a table', async () => {
  const { page } = await openCurves();
  await page.getByRole('img', { name: /^Loss of 3 runs/ }).focus();
  for (const key of ['Home', 'ArrowDown']) await page.keyboard.press(key);
  await eventually(() => page.locator('.readout h2').textContent(), 'Values at step 0');
  await page.keyboard.press('Enter');
  await eventually(() => opened.lastSaid('open-config'), { type: 'open-config', run: seed1 });
  await page.getByRole('button', { name: 'Table: Loss', exact: true }).click();
  expect(await page.getByRole('region', { name: 'Loss, as a table' }).locator('thead th').allTextContents()).toEqual(['Step', 'r0.7-s0', 'r0.7-s1', 'baseline']);
});
