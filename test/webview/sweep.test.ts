import AxeBuilder from '@axe-core/playwright';
import type { Browser, Locator } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { launchBrowser } from '../chromium';
import { base, broken, live, runs, seed0, seed1, sweep } from './dashboard-data';
import { bundleDashboard, DashboardPage, pixelsOf, type OpenOptions } from './dashboard-page';
import { themes } from './dashboard-themes';
import { PNG } from 'pngjs';

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

async function openSweep(options: OpenOptions = {}): Promise<DashboardPage> {
  opened = await DashboardPage.open(browser, files, options);
  await opened.hear({ type: 'runs', runs }, { type: 'navigate', state: { view: 'sweep', selected: [base, seed1, seed0, live, broken] } }, { type: 'view', data: sweep() });
  await opened.page.getByRole('img', { name: /^Parallel coordinates/ }).waitFor();
  return opened;
}

/** Heights at which a colour runs along at least a third of the width: the first and the last. */
async function linesOf(element: Locator, color: string): Promise<[number | undefined, number | undefined]> {
  const { data, width, height } = PNG.sync.read(await element.screenshot());
  const wanted = [1, 3, 5].map((at) => Number.parseInt(color.slice(at, at + 2), 16));
  const isNear = (at: number) => wanted.every((channel, i) => Math.abs(channel - data[at + i]!) <= 40);
  const rows = Array.from({ length: height }, (_, y) => y).filter((y) => Array.from({ length: width }, (_, x) => x).filter((x) => isNear(4 * (y * width + x))).length > width / 3);
  return [rows[0], rows.at(-1)];
}

it('draws seeds, means, failures and baselines in every theme', async () => {
  await openSweep();
  for (const theme of ['dark', 'light', 'high-contrast'] as const) {
    await opened.setTheme(theme);
    const points = opened.page.getByRole('img', { name: /^linear accuracy against masking.ratio/ });
    for (const color of ['charts-blue', 'charts-orange', 'errorForeground'] as const) {
      await vi.waitFor(async () => expect(await pixelsOf(points, themes[theme][color]), `${theme} ${color}`).toBeGreaterThan(15), { timeout: 10_000 });
    }
    await opened.picture(`sweep-${theme}`);
  }
});

it('says what has no result, and gives every cell as a table', async () => {
  await openSweep();
  await opened.page.getByText('Without a full result: 1 running, 1 failed, 1 not begun.').waitFor();
  await opened.page.getByRole('button', { name: /^Table: linear accuracy/ }).click();
  const rows = opened.page.getByRole('region', { name: /^linear accuracy.*as a table/ }).getByRole('row');
  expect(await rows.allInnerTexts()).toHaveLength(5);
  expect(await rows.nth(1).innerText()).toMatch(/0\.6\s+1\s+2 of 2\s+39\.5 %\s+36\.0 % to 43\.0 %\s+done/);
});

it('walks over the runs by keys, speaks them, and opens the config at the swept key', async () => {
  await openSweep();
  const points = opened.page.getByRole('img', { name: /^linear accuracy/ });
  await points.focus();
  await points.press('End');
  await opened.page.getByRole('status').filter({ hasText: 'broken: no probe yet, masking.ratio 0.8, method.levels 5, seed 0, failed' }).waitFor({ state: 'attached' });
  await points.press('Enter');
  expect(await opened.lastSaid('open-config')).toEqual({ type: 'open-config', run: broken, key: 'masking.ratio' });
});

it('has no serious accessibility violation', async () => {
  await openSweep({ bypassCSP: true });
  const { violations } = await new AxeBuilder({ page: opened.page }).analyze();
  expect(violations.filter(({ impact }) => impact === 'serious' || impact === 'critical').map(({ id, nodes }) => [id, nodes.map(({ html }) => html.slice(0, 160))])).toEqual([]);
});

it('wide intervals of few seeds leave the values readable, and what has no result stands apart from the axis', async () => {
  opened = await DashboardPage.open(browser, files);
  const data = sweep();
  const cells = [{ ...data.cells[0]!, interval: [-4, 5] as const }, data.cells[3]!];
  await opened.hear({ type: 'runs', runs }, { type: 'navigate', state: { view: 'sweep', selected: [base, seed1, broken] } }, { type: 'view', data: { ...data, cells, keys: ['masking.ratio'] } });
  const points = opened.page.getByRole('img', { name: /^linear accuracy/ });
  await points.waitFor();
  // The teacher's and the random student's lines are 41 points apart: half of the plot's height rather than a hair.
  const [upper, lower] = await linesOf(points, themes.dark.descriptionForeground);
  expect(lower! - upper!).toBeGreaterThan(60);
  await opened.page.getByText('✕ failed').waitFor();
  await opened.picture('sweep-wide');
});
