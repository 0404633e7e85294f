import AxeBuilder from '@axe-core/playwright';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { INITIAL } from '../../webview/dashboard/state';
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

it('says that a snapshot is drawn once it is, and only then', async () => {
  await open();
  await opened.hear({ type: 'runs', runs }, { type: 'navigate', state: { selected } });
  await eventually(async () => (await opened.lastSaid('show'))?.state.selected, selected);
  expect(await opened.lastSaid('drawn')).toBeUndefined();
  await opened.hear({ type: 'view', data: curves(selected) });
  await eventually(() => opened.lastSaid('drawn'), { type: 'drawn' });
  expect(await opened.page.locator('figure canvas').count()).toBeGreaterThan(0);
});

it('draws what it showed before it makes its list of runs, where it comes back', async () => {
  await open({ state: { ...INITIAL, selected } });
  await opened.page.evaluate(`{
    const push = said.push.bind(said);
    said.push = (message) => {
      if (message.type === 'drawn') window.rowsWhenDrawn = document.querySelectorAll('.run').length;
      return push(message);
    };
  }`);
  await opened.hear({ type: 'runs', runs }, { type: 'view', data: curves(selected) });
  await eventually(() => opened.page.locator('.run').count(), runs.length);
  expect(await opened.page.evaluate('rowsWhenDrawn')).toBe(0);
  await opened.page.getByText('3 of 5').waitFor();
});

it('in high contrast the chosen tab is told from the others', async () => {
  const { page } = await openCurves({ theme: 'high-contrast' });
  const outlines = () => page.evaluate<string[]>(`[...document.querySelectorAll('[role="tab"]')].map((tab) => getComputedStyle(tab).outlineStyle)`);
  expect((await outlines()).map((style) => style === 'solid')).toEqual([true, false, false, false, false, false, false]);
  await page.getByRole('tab', { name: 'Probe' }).click();
  await eventually(async () => (await outlines()).indexOf('solid'), 3);
});

it('draws the runs of its view before it hears of the others', async () => {
  await open({ state: { ...INITIAL, selected } });
  await opened.hear({ type: 'runs', runs: runs.filter(({ key }) => selected.includes(key)), areSome: true }, { type: 'view', data: curves(selected) });
  await eventually(() => opened.lastSaid('drawn'), { type: 'drawn' });
  await opened.page.getByRole('img', { name: /Loss of 3 runs/ }).waitFor();
  expect(await opened.page.locator('.run').count()).toBe(0);
  expect((await opened.kept())?.selected).toEqual(selected);
  await opened.hear({ type: 'runs', runs });
  await opened.page.getByText('3 of 5').waitFor({ timeout: 500 });
});

it('makes its list of runs where its view does not come', async () => {
  await open({ state: { ...INITIAL, selected } });
  await opened.hear({ type: 'runs', runs });
  await eventually(() => opened.page.locator('.run').count(), runs.length);
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

it('names the levels of a run below their curves', async () => {
  const { page } = await openCurves();
  const levels = page.getByRole('figure').filter({ has: page.getByRole('img', { name: /^Alignment loss of 5 levels of baseline/ }) });
  await page.locator('.chart-slot').last().scrollIntoViewIfNeeded();
  await eventually(() => levels.locator('.chart-legend span').allTextContents(), ['level 8', 'level 9', 'level 10', 'level 11', 'level 12']);
});

it('gives the values of all runs beside the pointer, the nearest marked', async () => {
  const { page } = await openCurves();
  const loss = page.getByRole('img', { name: /^Loss of 3 runs/ });
  const { width, height } = (await loss.boundingBox())!;
  await loss.hover({ position: { x: width / 2, y: height * 0.8 } });
  const tip = page.locator('.chart-tip:visible');
  expect(await tip.locator('.chart-tip-row').allTextContents()).toEqual([expect.stringMatching(/^baseline0\.\d+$/), expect.stringMatching(/^r0\.7-s10\.\d+$/), expect.stringMatching(/^r0\.7-s00\.\d+$/)]);
  expect(await tip.locator('.nearest').textContent()).toMatch(/^r0\.7-s0/);
  await page.mouse.move(5, 5);
  await eventually(() => tip.count(), 0);
});

const flat = { run: base, metric: 'loss', x: Float64Array.of(1, 2), y: Float64Array.of(1, 1) };

it('opens the config of a curve that is clicked between two distant points, and marks whole steps', async () => {
  const { page } = await open();
  await opened.hear({ type: 'runs', runs }, { type: 'navigate', state: { selected: [base] } }, { type: 'view', data: { ...curves([base]), series: [flat, { ...flat, metric: 'lr', y: Float64Array.of(0, 1e-3) }], warnings: [] } });
  const loss = page.getByRole('img', { name: /^Loss of 1 run/ });
  await loss.waitFor();
  const box = (await loss.boundingBox())!;
  await loss.click({ position: { x: box.width * 0.4, y: 90 } });
  await eventually(() => opened.lastSaid('open-config'), { type: 'open-config', run: base });
});

it('says which values a log axis leaves out', async () => {
  const { page } = await open();
  await opened.hear({ type: 'runs', runs }, { type: 'navigate', state: { selected: [base] } }, { type: 'view', data: { ...curves([base]), series: [{ ...flat, metric: 'lr', y: Float64Array.of(0, 1e-3) }] } });
  await page.getByRole('checkbox', { name: 'Log y' }).click();
  await page.getByText('1 value at or below 0 cannot stand on a log axis.').waitFor();
});

it('a spike is seen through smoothing', async () => {
  const { page } = await open();
  const x = Float64Array.from({ length: 101 }, (_, i) => i);
  const raw = x.map((step) => (step === 50 ? 2 : 1));
  await opened.hear({ type: 'runs', runs }, { type: 'navigate', state: { selected: [base] } }, { type: 'view', data: { ...curves([base]), series: [{ run: base, metric: 'loss', x, y: x.map(() => 1), low: raw, high: raw }], warnings: [] } });
  const loss = page.getByRole('img', { name: /^Loss of 1 run/ });
  await loss.waitFor();
  // Of the curve's blue, a third over the background.
  await vi.waitFor(async () => expect(await pixelsOf(loss, '#2d537c', 40)).toBeGreaterThan(100), { timeout: 10_000 });
});

it('a colour is chosen by keys, and the focus goes back to where it was', async () => {
  const { page } = await openCurves();
  const color = page.getByRole('button', { name: /^Colour of baseline/ });
  await color.focus();
  for (const key of ['Enter', 'ArrowRight', 'Enter']) await page.keyboard.press(key);
  await eventually(() => opened.lastSaid('set-color'), { type: 'set-color', run: base, color: 1 });
  expect(await page.evaluate('document.activeElement.getAttribute("aria-label")')).toMatch(/^Colour of baseline/);
});

it('says how to begin where there are no runs', async () => {
  const { page } = await open();
  await opened.hear({ type: 'runs', runs: [] });
  await page.getByText('There are no runs yet').waitFor();
  expect(await page.getByRole('tab').count()).toBe(0);
  await opened.hear({ type: 'runs', runs });
  await page.getByRole('tab', { name: 'Curves' }).waitFor();
  expect(await page.getByText('There are no runs yet').isVisible()).toBe(false);
});

it('names of runs over a column of short values stand in a line or two, however narrow the panel', async () => {
  const { page } = await open({ width: 400 });
  await opened.hear({ type: 'runs', runs }, { type: 'navigate', state: { selected: [base, seed0], view: 'compare' } }, { type: 'view', data: { ...compare(), differences: [{ key: 'teacher.checkpoint', values: [0.6, '/w/runs/a-teacher-with-a-long-name/checkpoints/step-0001000'] }] } });
  const name = page.getByRole('region', { name: 'Config keys that differ' }).locator('thead .run-link-name').first();
  await name.waitFor();
  expect((await name.boundingBox())!.height).toBeLessThan(30);
});

it('a panel 400 pixels wide has no control outside it', async () => {
  const { page } = await openCurves({ width: 400 });
  const outside = '(() => [...document.querySelectorAll("main button, main vscode-button, main vscode-checkbox, main vscode-panel-tab, main canvas")].filter((element) => element.checkVisibility() && element.getBoundingClientRect().right > innerWidth).map((element) => element.textContent))()';
  expect(await page.evaluate(outside)).toEqual([]);
});

it('a run of a sweep is listed by what tells it from the others, and a failed one by its reason', async () => {
  const { page } = await open();
  await opened.hear({ type: 'runs', runs: [{ ...runs[0]!, name: 'ratio-0.9-seed-0' }, { ...runs[4]!, problem: 'The loss became NaN at step 3.' }] });
  await page.getByText('0.9-seed-0', { exact: true }).waitFor();
  await page.getByText('✗ failed: The loss became NaN at step 3.').waitFor();
});

it('checks the columns that are shown, and adds one to them', async () => {
  const { page } = await open();
  const data = compare();
  await opened.hear({ type: 'runs', runs }, { type: 'navigate', state: { selected, view: 'compare' } }, { type: 'view', data: { ...data, available: [...data.available, { name: 'step', label: 'Step', kind: 'run' }] } });
  await page.getByText('Columns', { exact: true }).click();
  expect(await page.getByRole('checkbox', { name: 'masking.ratio' }).isChecked()).toBe(true);
  await page.getByRole('checkbox', { name: 'Step', exact: true }).click();
  await eventually(async () => (await opened.lastSaid('show'))?.state.compare.columns.toSorted(), ['config:masking.ratio', 'name', 'probe:linear', 'step']);
});

it('says which differences from the baseline are within the noise of the seeds', async () => {
  const { page } = await open();
  const group = { runs: [base, seed0], mean: 0.4 };
  const noise = { protocol: 'linear', keys: ['masking.ratio'], groups: [{ ...group, values: [0.6], verdict: 'baseline' as const }, { ...group, values: [0.75], difference: -0.012, interval: [-0.05, 0.026] as const, verdict: 'within noise' as const }] };
  await opened.hear({ type: 'runs', runs }, { type: 'navigate', state: { selected, view: 'compare', baseline: base } }, { type: 'view', data: { ...compare(), noise } });
  const rows = page.getByRole('region', { name: 'Against the baseline, over seeds' }).getByRole('row');
  await eventually(async () => (await rows.last().getByRole('cell').allTextContents()), ['2', '40.0 %', '−1.2 pp', '−5.0 pp to +2.6 pp', 'within noise']);
  expect(await rows.last().getByRole('rowheader').textContent()).toBe('masking.ratio 0.75');
});
