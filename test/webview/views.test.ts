import AxeBuilder from '@axe-core/playwright';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import type { ViewData } from '../../extension/core/protocol/dashboard';
import { launchBrowser } from '../chromium';
import { alignment, base, diagnostics, probes, runs, samples, seed0 } from './dashboard-data';
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

async function show(data: ViewData, options: OpenOptions = {}): Promise<DashboardPage> {
  opened = await DashboardPage.open(browser, files, options);
  await opened.hear({ type: 'runs', runs }, { type: 'navigate', state: { view: data.view, selected: [base, seed0] } }, { type: 'view', data });
  return opened;
}

const eventually = <T>(read: () => Promise<T>, expected: T) => vi.waitFor(async () => expect(await read()).toEqual(expected), { timeout: 10_000 });

it('moves the alignment weights over training by the slider and follows the training at its end', async () => {
  const { page } = await show(alignment(base, 200));
  await page.getByRole('img', { name: /^Weights by which 4 teacher levels.*step 200/ }).waitFor();
  await page.getByRole('img', { name: /^Row entropy/ }).waitFor();
  await page.getByRole('img', { name: /^Centre of mass/ }).waitFor();
  const slider = page.getByRole('slider', { name: 'Step' });
  await slider.press('ArrowLeft');
  await eventually(async () => (await opened.lastSaid('show'))?.state.alignment.step, 100);
  await opened.hear({ type: 'view', data: alignment(base, 100) });
  await page.getByRole('img', { name: /step 100/ }).waitFor();
  await slider.press('End');
  await eventually(async () => (await opened.lastSaid('show'))?.state.alignment, {});
});

it('fills the whole plot with the cells of the weights', async () => {
  const { page } = await show(alignment(base, 0));
  const weights = page.getByRole('img', { name: /^Weights by which/ });
  await weights.waitFor();
  await weights.focus();
  await weights.press('ArrowRight');
  await weights.press('Enter');
  expect(await opened.lastSaid('open-config')).toEqual({ type: 'open-config', run: base });
  for (const theme of ['dark', 'light', 'high-contrast'] as const) {
    await opened.setTheme(theme);
    await opened.picture(`alignment-${theme}`);
  }
});

it('draws probes over checkpoints with both baselines, and over layers where several were probed', async () => {
  const { page } = await show(probes());
  await page.getByRole('img', { name: /^knn over layers/ }).waitFor();
  for (const theme of ['dark', 'light', 'high-contrast'] as const) {
    await opened.setTheme(theme);
    const linear = page.getByRole('img', { name: /^linear over checkpoints: accuracy of 2 series/ });
    for (const color of ['charts-blue', 'charts-orange'] as const) {
      await vi.waitFor(async () => expect(await pixelsOf(linear, themes[theme][color])).toBeGreaterThan(20), { timeout: 10_000 });
    }
    await opened.picture(`probe-${theme}`);
  }
  await page.getByRole('button', { name: 'Save the probe results as CSV' }).click();
  expect((await opened.lastSaid('export'))?.content.split('\r\n').slice(0, 2)).toEqual(['run,probe,of,features,step,epoch,gmac,layer,top1,std,top5', 'baseline,linear,student,mean,1000,,3000,,0.31,,']);
});

it('draws probes over what was spent on them', async () => {
  const { page } = await show(probes());
  await page.getByRole('combobox', { name: 'X axis' }).click();
  await page.getByRole('option', { name: 'GMAC' }).click();
  await eventually(async () => (await opened.lastSaid('show'))?.state.probe.x, 'gmac');
  await opened.hear({ type: 'view', data: probes() });
  await page.getByRole('img', { name: /^linear over checkpoints/ }).press('ArrowRight');
  await page.getByRole('status').getByText('r0.7-s0: 40.0 % at step 1000, 1,200 GMAC').waitFor();
  await opened.picture('probe-gmac');
});

it('draws a measure of the levels of all runs beside their teacher and the untrained student, over levels or over steps', async () => {
  const { page } = await show(diagnostics(200));
  const measure = page.getByRole('img', { name: /^Attention distance \(patches\) at step 200: 4 lines/ });
  await measure.waitFor();
  for (const name of ['baseline', 'r0.7-s0', 'teacher', 'random']) await page.locator('.chart-legend').first().getByText(name, { exact: true }).waitFor();
  await page.getByRole('img', { name: /^CKA of 3 student levels and 3 teacher levels, of baseline at step 200/ }).waitFor();
  await page.getByRole('img', { name: /^Loss by mask ratio: 2 lines/ }).waitFor();
  const slider = page.getByRole('slider', { name: 'Step' });
  await slider.press('ArrowLeft');
  await eventually(async () => (await opened.lastSaid('show'))?.state.diagnostics.step, 100);
  await opened.hear({ type: 'view', data: diagnostics(100) });
  await page.getByRole('img', { name: /at step 100: 4 lines/ }).waitFor();
  await slider.press('End');
  await eventually(async () => (await opened.lastSaid('show'))?.state.diagnostics, {});
  await opened.hear({ type: 'view', data: diagnostics(200) });
  await measure.focus();
  await measure.press('Enter');
  expect((await opened.lastSaid('open-config'))?.run).toBe(base);
  expect(await page.getByRole('slider', { name: 'Level' }).isVisible()).toBe(false);

  await opened.hear({ type: 'view', data: diagnostics(200, 3) });
  await page.getByRole('img', { name: /^Attention distance \(patches\) of level 3 over training: 4 lines/ }).waitFor();
  await page.getByRole('slider', { name: 'Level' }).press('ArrowLeft');
  await eventually(async () => (await opened.lastSaid('show'))?.state.diagnostics.level, 2);
  await page.getByRole('button', { name: 'Save the measure as CSV' }).click();
  expect((await opened.lastSaid('export'))?.content.split('\r\n').slice(0, 2)).toEqual(['run,of,step,level,attentionDistance', 'baseline,student,0,3,2']);
  for (const theme of ['dark', 'light', 'high-contrast'] as const) {
    await opened.setTheme(theme);
    await opened.picture(`diagnostics-${theme}`);
  }
});

it('puts the pictures of all runs beside each other at the same step', async () => {
  const { page } = await show(samples(200));
  await page.getByRole('img', { name: 'masks of baseline at step 200' }).waitFor();
  await page.getByRole('img', { name: 'masks of r0.7-s0 at step 200' }).waitFor();
  await page.getByRole('slider', { name: 'Step' }).press('Home');
  await eventually(async () => (await opened.lastSaid('show'))?.state.samples.step, 0);
  const width = async () => (await page.locator('.picture').first().boundingBox())!.width;
  const before = await width();
  await page.getByRole('slider', { name: 'Size' }).press('Home');
  await vi.waitFor(async () => expect(await width()).toBeLessThan(before / 2), { timeout: 10_000 });
});

it.each([alignment(base, 0), probes(), samples(0)])('has no serious accessibility violation: $view', async (data) => {
  await show(data, { bypassCSP: true });
  await opened.page.getByRole('img').first().waitFor();
  const { violations } = await new AxeBuilder({ page: opened.page }).analyze();
  expect(violations.filter(({ impact }) => impact === 'serious' || impact === 'critical').map(({ id, nodes }) => [id, nodes.map(({ html }) => html.slice(0, 160))])).toEqual([]);
});
