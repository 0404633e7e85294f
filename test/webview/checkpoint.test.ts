import AxeBuilder from '@axe-core/playwright';
import { PNG } from 'pngjs';
import type { Browser, Locator } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import type { TensorDetail } from '../../extension/core/protocol/checkpoint';
import { launchBrowser } from '../chromium';
import { blocksOf, bundlePage, CheckpointPage, headerOf, type Theme } from './checkpoint-page';

let browser: Browser;
let files: Map<string, string>;
let opened: CheckpointPage;
beforeAll(async () => {
  [browser, files] = await Promise.all([launchBrowser(), bundlePage()]);
});
afterAll(() => browser.close());
afterEach(async () => {
  expect(opened.complaints).toEqual([]);
  await opened.close();
});

async function open(...options: Parameters<typeof CheckpointPage.open> extends [unknown, unknown, ...infer Rest] ? Rest : never): Promise<CheckpointPage> {
  opened = await CheckpointPage.open(browser, files, ...options);
  return opened;
}

const bell = Array.from({ length: 64 }, (_, bin) => Math.round(1000 * Math.exp(-(((bin - 32) / 12) ** 2))));
const detailOf = (name: string, more: Partial<TensorDetail> = {}): TensorDetail => ({
  name, min: -1.5, max: 1.5, mean: 0.25, std: 0.5, nan: 0, infinite: 0, histogram: { edges: Array.from({ length: 65 }, (_, i) => -1.5 + (3 * i) / 64), counts: bell }, ...more,
});

const eventually = <T>(read: () => Promise<T>, expected: T) => vi.waitFor(async () => expect(await read()).toEqual(expected), { timeout: 10_000 });

/** Colours that are drawn, beside the one at the corner. */
async function drawnColors(canvas: Locator): Promise<number> {
  const { data } = PNG.sync.read(await canvas.screenshot());
  const colors = new Set<number>();
  for (let at = 0; at < data.length; at += 4) colors.add(data.readUInt32BE(at));
  return colors.size - 1;
}

it('says it is ready, and shows what is in the file', async () => {
  const { page } = await open();
  expect(await opened.said()).toEqual([{ type: 'ready' }]);
  await opened.hear(headerOf(blocksOf(30)));
  await eventually(() => page.locator('h1').textContent(), 'checkpoints/step-001200/model.safetensors');
  expect(await page.locator('.totals').textContent()).toBe('60 tensors, 960 values, 3.8 kB');
  expect(await opened.rows()).toEqual(['blocks']);
  expect(await page.getByRole('treegrid', { name: 'Tensors' }).getAttribute('aria-rowcount')).toBe('2');
});

it('is walked with the keyboard, and reads the values of the tensor that is stopped at', async () => {
  const { page } = await open();
  await opened.hear(headerOf(blocksOf(30)));
  await page.getByRole('treegrid').focus();
  for (const key of ['ArrowDown', 'ArrowRight', 'ArrowDown', 'ArrowRight', 'ArrowDown', 'ArrowDown']) await page.keyboard.press(key);
  // A slow machine may stop at others on the way.
  await eventually(async () => (await opened.said()).at(-1), { type: 'detail', name: 'blocks.0.weight' });
  expect((await opened.rows()).slice(0, 5)).toEqual(['blocks', '0', 'bias', 'weight', '1']);
  const pointed = page.locator(`[id="${await page.getByRole('treegrid').getAttribute('aria-activedescendant')}"]`);
  expect(await pointed.getAttribute('aria-level')).toBe('3');

  await opened.hear({ type: 'detail', detail: detailOf('blocks.0.weight', { nan: 2 }) });
  await eventually(() => page.locator('.detail .problem').textContent(), 'Not finite: 2 values NaN.');
  expect(await pointed.locator('span').allTextContents()).toEqual(['weight', '4 × 4', 'F32', '64 B', '-1.5', '1.5', '0.25', '0.5', '2 / 0']);
  expect(await drawnColors(page.locator('.detail canvas'))).toBeGreaterThan(2);

  for (let i = 0; i < 2; i++) await page.keyboard.press('ArrowLeft');
  expect((await opened.rows()).slice(0, 3)).toEqual(['blocks', '0', '1']);
});

it('shows five thousand tensors with elements for few of them', async () => {
  const { page } = await open();
  await opened.hear(headerOf(blocksOf(2500)));
  await page.getByText('Expand all').click();
  const grid = page.getByRole('treegrid');
  await eventually(() => grid.getAttribute('aria-rowcount'), '7502');
  expect((await opened.rows()).length).toBeLessThan(100);
  await grid.focus();
  await page.keyboard.press('End');
  const last = page.locator('[aria-rowindex="7502"]');
  await eventually(() => last.isVisible(), true);
  expect(await last.locator(':first-child').textContent()).toBe('weight');
  await eventually(async () => (await opened.said()).at(-1), { type: 'detail', name: 'blocks.2499.weight' });
});

it('rows are drawn where what is above them closes, without scrolling', async () => {
  const { page } = await open({ state: { expanded: ['blocks'], filter: '' } });
  const facts = Array.from({ length: 60 }, (_, i) => ({ label: `fact ${i}`, value: 'x' }));
  await opened.hear({ ...headerOf(blocksOf(200)), model: facts });
  const row = page.locator('[aria-rowindex="26"]');
  await eventually(() => page.getByText('fact 59').isVisible(), true);
  expect(await row.count()).toBe(0);
  await page.getByText('Model', { exact: true }).click();
  await eventually(() => row.count(), 1);
});

it('a filter shows what matches wherever it lies', async () => {
  const { page } = await open();
  await opened.hear(headerOf(blocksOf(30)));
  await page.locator('.toolbar input').fill('29 bias');
  await eventually(() => opened.rows(), ['blocks.29.bias']);
  expect(await page.getByRole('status').first().textContent()).toBe('1 of 60 tensors match.');
});

it('reads the statistics of all that are shown, until it is told to stop', async () => {
  const { page } = await open();
  await opened.hear(headerOf(blocksOf(2)));
  await page.getByText('All statistics').click();
  await opened.hear({ type: 'detail', detail: detailOf('blocks.0.bias', { infinite: 1 }) }, { type: 'detail', detail: detailOf('blocks.0.weight') });
  await eventually(() => page.getByRole('status').first().textContent(), 'Statistics of 2 of 4 tensors read; 1 tensor with values that are not finite.');
  await page.getByText('Stop reading').click();
  await page.getByText('All statistics').click();
  expect((await opened.said()).slice(1).map((message) => ('names' in message ? message.names.length : message.type))).toEqual([4, 'stop-scanning', 2]);
  await opened.hear({ type: 'scanned' });
  await eventually(() => page.getByText('All statistics').isVisible(), true);
});

it('shows how another checkpoint differs, the most changed first, and keeps it for the next time', async () => {
  const { page } = await open();
  await opened.hear(headerOf(blocksOf(2)));
  await page.getByText('Compare with…').click();
  expect((await opened.said()).at(-1)).toEqual({ type: 'compare' });
  const other = '/runs/base/checkpoints/step-000400/model.safetensors';
  const changes = [{ name: 'blocks.0.weight', relative: 0.1 }, { name: 'blocks.0.bias', relative: 0 }, { name: 'blocks.1.weight', relative: 0.5 }, { name: 'blocks.1.bias', relative: null, note: 'not finite' }] as const;
  await opened.hear({ type: 'changes', other, changes: changes.slice(0, 1), done: false }, { type: 'changes', other, changes, done: true });
  await eventually(() => opened.rows(), ['blocks.1.bias', 'blocks.1.weight', 'blocks.0.weight', 'blocks.0.bias']);
  expect(await page.getByRole('status').first().textContent()).toContain('Against checkpoints/step-000400/model.safetensors: 2 changed, 1 unchanged, 1 not finite.');
  expect(await opened.state()).toMatchObject({ compareWith: other });
  await page.getByText('Stop comparing').click();
  await eventually(() => page.getByRole('treegrid').isVisible(), true);
  expect((await opened.said()).at(-1)).toEqual({ type: 'stop-comparing' });
});

it('comes back where it was: what was open, chosen, filtered and compared', async () => {
  const { page } = await open({ state: { expanded: ['blocks'], selected: 'blocks.1.bias', filter: '', compareWith: '/other.safetensors' } });
  expect(await opened.said()).toEqual([{ type: 'ready', compareWith: '/other.safetensors' }]);
  await opened.hear(headerOf(blocksOf(2)));
  await eventually(() => opened.rows(), ['blocks', '0', '1']);
  await eventually(async () => (await opened.said()).at(-1), { type: 'detail', name: 'blocks.1.bias' });
  expect(await page.locator('.detail h2').textContent()).toBe('blocks.1.bias');
});

it('a file that cannot be read is told, with nothing beside', async () => {
  const { page } = await open();
  await opened.hear({ type: 'problem', text: 'x is not a valid safetensors file. Fetch it again.' });
  await eventually(() => page.getByRole('alert').textContent(), 'x is not a valid safetensors file. Fetch it again.');
  expect(await page.locator('main').isVisible()).toBe(false);
});

it('a tensor that cannot be read is told at the tensor; a comparison that fails above the list', async () => {
  const { page } = await open({ state: { expanded: ['blocks'], selected: 'blocks.1.bias', filter: '' } });
  await opened.hear(headerOf(blocksOf(2)), { type: 'problem', about: { tensor: 'blocks.1.bias' }, text: 'it is stored as U64' });
  await eventually(() => page.locator('.detail .problem').textContent(), 'it is stored as U64');
  await opened.hear({ type: 'problem', about: 'comparison', text: 'the other is gone' });
  await eventually(() => page.getByRole('alert').textContent(), 'the other is gone');
  expect(await page.getByRole('treegrid').isVisible()).toBe(true);
});

it('draws the alignment weights of a checkpoint that has them', async () => {
  const { page } = await open();
  const alignment = { rows: ['1', '2'], columns: ['1', '2'], values: [[1, -1], [0.2, null]] };
  await opened.hear({ ...headerOf(blocksOf(1)), alignment });
  await eventually(() => page.getByText('Alignment weights', { exact: true }).isVisible(), true);
  expect(await drawnColors(page.locator('.overview canvas'))).toBeGreaterThan(3);
});

it.each<Theme>(['dark', 'light', 'high-contrast'])('has no fault that axe finds in the %s theme', async (theme) => {
  const { page } = await open({ theme, bypassCSP: true, state: { expanded: ['blocks'], selected: 'blocks.1.bias', filter: '' } });
  await opened.hear({ ...headerOf(blocksOf(2)), alignment: { rows: ['1'], columns: ['1', '2'], values: [[1, -1]] } }, { type: 'detail', detail: detailOf('blocks.1.bias', { nan: 1 }) });
  await eventually(() => page.locator('.detail .problem').isVisible(), true);
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)).toEqual([]);
});
