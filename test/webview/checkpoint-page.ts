/** The checkpoint editor's page in a real browser, under its own policy, with a host that is played by the test. */
import { build } from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import type { CheckpointState, FromCheckpoint, TensorRow, ToCheckpoint } from '../../extension/core/protocol/checkpoint';
import { pageHtml } from '../../extension/ui/checkpoint/page';

const ORIGIN = 'https://webview.test';

/** What VS Code puts into a page, and the colours of a theme of either kind. */
const themes = {
  dark: { foreground: '#cccccc', 'editor-background': '#1f1f1f', 'editor-foreground': '#cccccc', descriptionForeground: '#9d9d9d', focusBorder: '#0078d4', errorForeground: '#f85149', 'list-activeSelectionBackground': '#04395e', 'list-activeSelectionForeground': '#ffffff', 'button-background': '#0078d4', 'button-foreground': '#ffffff', 'button-secondaryBackground': '#313131', 'button-secondaryForeground': '#cccccc', 'input-background': '#313131', 'input-foreground': '#cccccc', 'input-placeholderForeground': '#9d9d9d' },
  light: { foreground: '#3b3b3b', 'editor-background': '#ffffff', 'editor-foreground': '#3b3b3b', descriptionForeground: '#3b3b3b', focusBorder: '#005fb8', errorForeground: '#c72e2e', 'list-activeSelectionBackground': '#e8e8e8', 'list-activeSelectionForeground': '#000000', 'button-background': '#005fb8', 'button-foreground': '#ffffff', 'button-secondaryBackground': '#e5e5e5', 'button-secondaryForeground': '#3b3b3b', 'input-background': '#ffffff', 'input-foreground': '#3b3b3b', 'input-placeholderForeground': '#595959' },
  'high-contrast': { foreground: '#ffffff', 'editor-background': '#000000', 'editor-foreground': '#ffffff', descriptionForeground: '#ffffff', focusBorder: '#f38518', errorForeground: '#f48771', contrastBorder: '#6fc3df', contrastActiveBorder: '#f38518', 'button-foreground': '#ffffff', 'button-secondaryForeground': '#ffffff', 'input-background': '#000000', 'input-foreground': '#ffffff', 'input-placeholderForeground': '#ffffff' },
} as const;

export type Theme = keyof typeof themes;

export class CheckpointPage {
  /** What the page or its policy complained of. */
  readonly complaints: string[] = [];

  private constructor(
    readonly page: Page,
    private readonly theme: Theme,
  ) {
    page.on('pageerror', (error) => this.complaints.push(error.message));
    page.on('console', (message) => message.type() === 'error' && this.complaints.push(message.text()));
  }

  /** @param state what `setState` kept before the page was made again */
  static async open(browser: Browser, files: ReadonlyMap<string, string>, options: { readonly state?: CheckpointState; readonly theme?: Theme; readonly bypassCSP?: boolean } = {}): Promise<CheckpointPage> {
    const context = await browser.newContext({ viewport: { width: 1200, height: 800 }, bypassCSP: options.bypassCSP });
    const page = await context.newPage();
    const opened = new CheckpointPage(page, options.theme ?? 'dark');
    await page.route(`${ORIGIN}/**`, (route) => {
      const name = new URL(route.request().url()).pathname.slice(1);
      const body = files.get(name);
      return route.fulfill(body === undefined ? { contentType: 'text/html', body: opened.html() } : { contentType: name.endsWith('.css') ? 'text/css' : 'text/javascript', body });
    });
    await page.addInitScript(`
      window.said = [];
      window.kept = ${JSON.stringify(options.state ?? null)};
      window.acquireVsCodeApi = () => ({ postMessage: (message) => said.push(message), getState: () => kept ?? undefined, setState: (state) => { kept = state; } });`);
    await page.goto(`${ORIGIN}/page.html`);
    return opened;
  }

  private html(): string {
    const html = pageHtml({ title: 'Checkpoint', script: `${ORIGIN}/checkpoint.js`, style: `${ORIGIN}/checkpoint.css`, source: ORIGIN });
    const tokens = Object.entries(themes[this.theme]).map(([name, color]) => `--vscode-${name}: ${color};`).join(' ');
    return html.replace('<html lang="en">', `<html lang="en" style="--vscode-font-family: sans-serif; --vscode-font-size: 13px; background: ${themes[this.theme]['editor-background']}; ${tokens}">`).replace('<body>', `<body class="vscode-${this.theme}">`);
  }

  async hear(...messages: ToCheckpoint[]): Promise<void> {
    for (const message of messages) await this.page.evaluate((data) => (globalThis as unknown as { postMessage(data: unknown, to: string): void }).postMessage(data, '*'), message);
  }

  said(): Promise<FromCheckpoint[]> {
    return this.page.evaluate('said');
  }

  state(): Promise<CheckpointState | null> {
    return this.page.evaluate('kept');
  }

  close(): Promise<void> {
    return this.page.context().close();
  }

  rows(): Promise<string[]> {
    return this.page.locator('[role=row]:has([role=gridcell]):visible > :first-child').allTextContents();
  }
}

/** The page's script and style by name. */
export async function bundlePage(): Promise<Map<string, string>> {
  const { outputFiles } = await build({ entryPoints: { checkpoint: 'webview/checkpoint/main.ts' }, outdir: '/', bundle: true, write: false, format: 'iife', logLevel: 'error' });
  return new Map(outputFiles.map(({ path, text }) => [path.replace(/^.*[\\/]/, ''), text]));
}

export function headerOf(tensors: readonly TensorRow[]): Extract<ToCheckpoint, { readonly type: 'header' }> {
  const bytes = tensors.reduce((sum, tensor) => sum + tensor.bytes, 0);
  return { type: 'header', file: '/runs/base/checkpoints/step-001200/model.safetensors', tensors, bytes, elements: bytes / 4, metadata: { format: 'pt' }, model: [{ label: 'Blocks', value: '12' }] };
}

/** `blocks` groups of two tensors. */
export function blocksOf(blocks: number): TensorRow[] {
  return Array.from({ length: blocks }, (_, block) => ['weight', 'bias'].map((kind) => ({ name: `blocks.${block}.${kind}`, dtype: 'F32', shape: [4, 4], bytes: 64 }))).flat();
}
