/** The dashboard's page in a real browser under the product's policy, with a host played by the test. */
import { mkdirSync } from 'node:fs';
import { build } from 'esbuild';
import { PNG } from 'pngjs';
import type { Browser, Locator, Page } from 'playwright-core';
import type { DashboardState, FromDashboard, ToDashboard } from '../../extension/core/protocol/dashboard';
import { pageHtml } from '../../extension/ui/checkpoint/page';
import { themes, type Theme } from './dashboard-themes';

const ORIGIN = 'https://webview.test';
const ARTEFACTS = new URL('../artefacts/', import.meta.url).pathname;

export interface OpenOptions {
  readonly state?: DashboardState;
  readonly theme?: Theme;
  readonly width?: number;
  /** axe puts its own script into the page. */
  readonly bypassCSP?: boolean;
}

export class DashboardPage {
  /** What the page or its policy complained of. */
  readonly complaints: string[] = [];

  private constructor(readonly page: Page) {
    page.on('pageerror', (error) => this.complaints.push(error.message));
    page.on('console', (message) => message.type() === 'error' && this.complaints.push(message.text()));
  }

  static async open(browser: Browser, files: ReadonlyMap<string, string>, { state, theme = 'dark', width = 1280, bypassCSP }: OpenOptions = {}): Promise<DashboardPage> {
    const context = await browser.newContext({ viewport: { width, height: 860 }, bypassCSP });
    const page = await context.newPage();
    const opened = new DashboardPage(page);
    await page.route(`${ORIGIN}/**`, (route) => {
      const name = new URL(route.request().url()).pathname.slice(1);
      const body = files.get(name);
      return route.fulfill(body === undefined ? { contentType: 'text/html', body: html(theme) } : { contentType: name.endsWith('.css') ? 'text/css' : 'text/javascript', body });
    });
    await page.addInitScript(`
      window.said = [];
      window.kept = ${JSON.stringify(state ?? null)};
      window.acquireVsCodeApi = () => ({ postMessage: (message) => said.push(message), getState: () => kept ?? undefined, setState: (state) => { kept = state; } });`);
    await page.goto(`${ORIGIN}/page.html`);
    return opened;
  }

  async hear(...messages: ToDashboard[]): Promise<void> {
    await this.page.evaluate((all) => all.forEach((message) => (globalThis as unknown as { postMessage(data: unknown, to: string): void }).postMessage(message, '*')), messages);
  }

  said(): Promise<FromDashboard[]> {
    return this.page.evaluate('said');
  }

  async lastSaid<T extends FromDashboard['type']>(type: T): Promise<Extract<FromDashboard, { readonly type: T }> | undefined> {
    return (await this.said()).findLast((message): message is Extract<FromDashboard, { readonly type: T }> => message.type === type);
  }

  kept(): Promise<DashboardState | null> {
    return this.page.evaluate('kept');
  }

  async setTheme(theme: Theme): Promise<void> {
    await this.page.evaluate(`document.documentElement.setAttribute('style', ${JSON.stringify(styleOf(theme))}); document.body.className = 'vscode-${theme}';`);
  }

  async close(): Promise<void> {
    await this.page.context().close();
  }

  /** For people to look at. */
  async picture(name: string): Promise<void> {
    mkdirSync(ARTEFACTS, { recursive: true });
    await this.page.screenshot({ path: `${ARTEFACTS}dashboard-${name}.png` });
  }
}

/** How many pixels of an element have a colour, within a distance of each channel. */
export async function pixelsOf(element: Locator, color: string, within = 12): Promise<number> {
  const { data } = PNG.sync.read(await element.screenshot());
  const wanted = [1, 3, 5].map((at) => Number.parseInt(color.slice(at, at + 2), 16));
  let count = 0;
  for (let at = 0; at < data.length; at += 4) if (wanted.every((channel, i) => Math.abs(channel - data[at + i]!) <= within)) count++;
  return count;
}

/** The page's script and style by name. */
export async function bundleDashboard(): Promise<Map<string, string>> {
  const { outputFiles } = await build({ entryPoints: { dashboard: 'webview/dashboard/main.ts' }, outdir: '/', bundle: true, write: false, format: 'iife', logLevel: 'error' });
  return new Map(outputFiles.map(({ path, text }) => [path.replace(/^.*[\\/]/, ''), text]));
}

function html(theme: Theme): string {
  return pageHtml({ title: 'Dashboard', script: `${ORIGIN}/dashboard.js`, style: `${ORIGIN}/dashboard.css`, source: ORIGIN })
    .replace('<html lang="en">', `<html lang="en" style="${styleOf(theme)}">`)
    .replace('<body>', `<body class="vscode-${theme}">`);
}

function styleOf(theme: Theme): string {
  const tokens = Object.entries(themes[theme]).map(([name, color]) => `--vscode-${name}: ${color};`).join(' ');
  return `--vscode-font-family: sans-serif; --vscode-font-size: 13px; background: ${themes[theme]['editor-background']}; ${tokens}`;
}
