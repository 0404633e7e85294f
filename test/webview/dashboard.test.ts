import AxeBuilder from '@axe-core/playwright';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { launchBrowser } from './browser';
import { base, curves, live, runs, seed0, seed1 } from './dashboard-data';
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
