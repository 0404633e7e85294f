import AxeBuilder from '@axe-core/playwright';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { launchBrowser } from '../chromium';
import { base, broken, live, runs, seed0, seed1, sweep } from './dashboard-data';
import { bundleDashboard, DashboardPage, pixelsOf, type OpenOptions } from './dashboard-page';
import { themes } from './dashboard-themes';

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
