/** What a user does and sees in the workbench, in words of the user; selectors stay in here. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, Frame, Locator, Page } from 'playwright-core';
import type { VsCodeServer } from './launch';

// Generous, for machines that do other work besides.
const startTimeout = 120_000;
const timeout = 60_000;
const aMoment = 6000;
const mostTries = 6;
const artefacts = join(import.meta.dirname, '..', 'artefacts');

const themes = {
  dark: { media: { colorScheme: 'dark', forcedColors: 'none' }, mark: '.monaco-workbench.vs-dark' },
  light: { media: { colorScheme: 'light', forcedColors: 'none' }, mark: '.monaco-workbench.vs' },
  'high-contrast': { media: { colorScheme: 'dark', forcedColors: 'active' }, mark: '.monaco-workbench.hc-black' },
} as const;
export type Theme = keyof typeof themes;

export class Workbench {
  private constructor(readonly page: Page) {}

  /** A window of its own with `folder` open, once its extensions run. */
  static async open(browser: Browser, server: VsCodeServer, folder: string): Promise<Workbench> {
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, acceptDownloads: true });
    page.setDefaultTimeout(timeout);
    await page.goto(server.address(folder));
    const workbench = new Workbench(page);
    await workbench.ready();
    return workbench;
  }

  private async ready(): Promise<void> {
    await this.page.waitForSelector('.monaco-workbench .activitybar .action-item', { timeout: startTimeout });
    await this.page.waitForSelector('.activitybar .action-item a[aria-label^="MIM"]', { timeout: startTimeout });
  }

  /** As a user's Developer: Reload Window. */
  async reload(): Promise<void> {
    await this.page.reload();
    await this.ready();
  }

  /**
   * Runs a command by its title in the palette, which must offer it, and takes the `picks` it asks for, one after the
   * other; a list is ticked in a quick pick of several.
   */
  async command(title: string, ...picks: readonly (string | readonly string[])[]): Promise<void> {
    // A page that had the focus before the palette may take it from the question that follows, and so close it.
    await this.retried(`${title} does not ask for ${picks.join(', ')}`, async () => {
      await this.takeFrom('F1', `>${title}`, title);
      for (const pick of picks) await (typeof pick === 'string' ? this.pick(pick, aMoment) : this.pickMany(pick, aMoment));
    });
  }

  /** The titles the palette offers for what is typed. */
  async offered(typed: string): Promise<string[]> {
    await this.retried('the palette does not open', () => this.openQuickInput('F1', `>${typed}`));
    const rows = this.page.locator('.quick-input-list .monaco-list-row');
    await rows.first().waitFor();
    // The list draws what fits: the rest comes as it is gone through.
    const titles = new Set<string>();
    for (let before = -1; titles.size > before; ) {
      before = titles.size;
      for (const text of await rows.locator('.quick-input-list-label').allInnerTexts()) titles.add(text.split('\n')[0]!);
      await this.page.keyboard.press('PageDown');
      await this.page.waitForTimeout(150);
    }
    await this.page.keyboard.press('Escape');
    return [...titles];
  }

  /**
   * Opens the quick input by its key, types, and takes a row. What the palette offers is fixed when it opens, and a page
   * that takes the focus as it loads closes it: then it is opened once more.
   */
  private async takeFrom(key: string, typed: string, row: string): Promise<void> {
    await this.retried(`${typed} is not offered`, async () => {
      await this.openQuickInput(key, typed);
      await this.clickRow(row, aMoment);
    });
  }

  /** Once the list has come to rest: its rows are drawn anew and move while it fills, and another one would get the click. */
  private async clickRow(text: string, within = timeout): Promise<void> {
    const row = this.quickRow(text);
    await row.waitFor({ timeout: within });
    for (let before = -1, now = -2; before !== now; ) {
      before = now;
      await this.page.waitForTimeout(200);
      now = (await row.boundingBox({ timeout: within }))?.y ?? -3;
    }
    await row.click({ timeout: within });
  }

  private async openQuickInput(key: string, typed: string): Promise<void> {
    await this.page.keyboard.press(key);
    await this.quickInput().fill(typed, { timeout: aMoment });
  }

  /** @throws Error with `problem` and why the last try failed. */
  private async retried(problem: string, attempt: () => Promise<void>): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        return await attempt();
      } catch (error) {
        await this.page.keyboard.press('Escape');
        if (tries === mostTries) throw new Error(problem, { cause: error });
      }
    }
  }

  /** Takes the entry of the open quick pick whose label holds `text`. */
  async pick(text: string, within = timeout): Promise<void> {
    await this.quickRow(text).waitFor({ timeout: within });
    await this.quickInput().fill(text, { timeout: within });
    await this.clickRow(text, within);
  }

  /** Ticks entries of a quick pick of several and confirms. */
  private async pickMany(texts: readonly string[], within: number): Promise<void> {
    for (const text of texts) await this.clickRow(text, within);
    await this.page.keyboard.press('Enter');
  }

  /** Fills the open input box and confirms. */
  async answer(text: string): Promise<void> {
    await this.quickInput().fill(text);
    await this.page.keyboard.press('Enter');
  }

  /** Answers VS Code's own file dialog, once it shows the path it proposes. */
  async answerPath(path: string): Promise<void> {
    await this.page.waitForFunction("document.querySelector('.quick-input-widget .quick-input-box input')?.value.startsWith('/')");
    const input = this.quickInput();
    // The dialog writes its own proposal once more after it has looked at the folder.
    for (let settled = false; !settled; settled = (await input.inputValue()) === path) {
      await input.fill(path);
      await this.page.waitForTimeout(700);
    }
    await this.page.keyboard.press('Enter');
  }

  /** What the open quick input asks, its title or placeholder and its message. */
  async question(): Promise<string> {
    const input = this.quickInput();
    await input.waitFor();
    const shown = await this.page.locator('.quick-input-widget:visible .quick-input-title, .quick-input-widget:visible .quick-input-message').allInnerTexts();
    return [...shown, (await input.getAttribute('placeholder')) ?? ''].join(' ');
  }

  private quickInput(): Locator {
    return this.page.locator('.quick-input-widget:visible .quick-input-box input');
  }

  private quickRow(text: string): Locator {
    return this.page.locator('.quick-input-widget:visible .quick-input-list .monaco-list-row').filter({ hasText: text }).first();
  }

  /** Shows the view container of the activity bar with this title. */
  async showContainer(title: string): Promise<void> {
    const item = this.page.locator(`.activitybar .action-item:has(a[aria-label^="${title}"])`);
    // A badge lies over the icon, and is part of what is clicked.
    if (!(await item.getAttribute('class'))?.includes('checked')) await item.locator('a').first().click({ force: true });
  }

  /** The rows of the sidebar whose text holds `text`. */
  row(text: string | RegExp): Locator {
    return this.page.locator('.part.sidebar .monaco-list-row').filter({ hasText: text });
  }

  /** A row by what a screen reader says of it. */
  spokenRow(beginning: string): Locator {
    return this.page.locator(`.part.sidebar .monaco-list-row[aria-label^="${beginning}"]`);
  }

  /** The row at the top of the view; a list keeps its rows in no order of their own. */
  topRow(): Locator {
    return this.page.locator('.part.sidebar .monaco-list-row[data-index="0"]').first();
  }

  /** Clicks one of the buttons that show on a row while the pointer is over it. */
  async rowAction(text: string | RegExp, action: string): Promise<void> {
    const row = this.row(text).first();
    await row.hover();
    // The row of a run at work is drawn anew with each step: a pointer that presses and then lets go is too slow for it.
    await row.locator(`.actions a[aria-label^="${action}"]`).dispatchEvent('click');
  }

  /** Takes an entry of the menu that a right click opens. The menu passes over a click that comes too soon, and stays; one that it takes closes it. */
  async contextMenu(on: Locator, item: string): Promise<void> {
    await this.retried(`the menu does not take ${item}`, async () => {
      await this.openMenu(on);
      await this.menuItems().filter({ hasText: item }).first().click({ timeout: aMoment });
      await this.menuItems().first().waitFor({ state: 'detached', timeout: aMoment });
    });
  }

  /** What the menu of a right click offers, without its keys and lines. */
  async menuOf(on: Locator): Promise<string[]> {
    await this.openMenu(on);
    const titles = await this.menuItems().locator('.action-label').allInnerTexts();
    await this.page.keyboard.press('Escape');
    await this.menuItems().first().waitFor({ state: 'detached' });
    return titles.map((title) => title.trim()).filter((title) => title !== '');
  }

  /** A list that is drawn anew under the pointer swallows the click. */
  private async openMenu(on: Locator): Promise<void> {
    await this.retried('no menu opens', async () => {
      await on.click({ button: 'right' });
      await this.menuItems().first().waitFor({ timeout: aMoment });
    });
  }

  private menuItems(): Locator {
    return this.page.locator('.monaco-menu .action-item');
  }

  /** Opens a file of the workspace by its name in quick open. */
  async openFile(name: string): Promise<void> {
    // The list may change under the click, and another file opens.
    await this.retried(`${name} does not come to the front`, async () => {
      await this.takeFrom('Control+P', name, name);
      await this.frontTab(name).waitFor({ timeout: aMoment });
    });
  }

  tab(name: string | RegExp): Locator {
    return this.page.locator('.tabs-container .tab').filter({ hasText: name });
  }

  frontTab(name: string | RegExp): Locator {
    return this.page.locator('.tabs-container .tab.active').filter({ hasText: name });
  }

  /** The text of the editor that has the focus, as far as it is on screen. */
  async editorText(): Promise<string> {
    const lines = this.page.locator('.editor-group-container.active .view-lines').first();
    return (await lines.innerText()).replaceAll('\u00a0', ' ');
  }

  codeLens(text: string | RegExp): Locator {
    return this.page.locator('.codelens-decoration').filter({ hasText: text });
  }

  statusItem(id: string): Locator {
    return this.page.locator(`.statusbar-item[id="${id}"]`);
  }

  async clearNotifications(): Promise<void> {
    await this.command('Notifications: Clear All');
    await this.page.locator('.notification-toast').first().waitFor({ state: 'detached' });
  }

  notification(text: string | RegExp): Locator {
    return this.page.locator('.notification-toast').filter({ hasText: text });
  }

  /** @throws Error with what was told instead */
  async told(text: string | RegExp, within = timeout): Promise<void> {
    try {
      await this.notification(text).first().waitFor({ timeout: within });
    } catch (error) {
      const instead = await this.page.locator('.notification-toast').allInnerTexts();
      throw new Error(`${String(text)} is not told; ${instead.length === 0 ? 'nothing is' : `this is: ${instead.join(' | ')}`}`, { cause: error });
    }
  }

  dialog(): Locator {
    return this.page.locator('.monaco-dialog-box');
  }

  /** The document of the shown webview that holds `selector`. */
  async webview(selector: string, within = timeout): Promise<Frame> {
    const deadline = Date.now() + within;
    while (Date.now() < deadline) {
      for (const frame of this.page.frames()) {
        if (frame.name() !== 'active-frame' && frame.parentFrame() === null) continue;
        if ((await frame.locator(selector).count().catch(() => 0)) > 0) return frame;
      }
      await this.page.waitForTimeout(200);
    }
    throw new Error(`no webview shows ${selector}`);
  }

  /** Changes what the operating system says it wants; the workbench follows, and so must every page in it. */
  async useTheme(theme: Theme): Promise<void> {
    await this.page.emulateMedia(themes[theme].media);
    await this.page.waitForSelector(themes[theme].mark);
  }

  /** For afterEach: what was on screen when a test failed. */
  async keepFailure({ task }: { readonly task: { readonly name: string; readonly result?: { readonly state: string } } }): Promise<void> {
    if (task.result?.state === 'fail') await this.screenshot(`failed ${task.name}`.replace(/\W+/g, '-').slice(0, 80));
  }

  /** Keeps what is on screen in test/artefacts. */
  async screenshot(name: string): Promise<void> {
    await mkdir(artefacts, { recursive: true });
    await this.page.screenshot({ path: join(artefacts, `${name}.png`) });
  }
}
