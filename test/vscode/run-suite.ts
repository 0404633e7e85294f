/** Bundles ./suite, runs it in the extension host of a VS Code of `release` and brings back how each test ended. */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import { fillWorkspace, repository } from './fixture';
import { launchBrowser } from '../chromium';
import { launchServer } from './launch';
import { obtainServer, type Release } from './obtain';
import type { SuiteResult } from './suite/result';

const limitSeconds = 900;

/** @throws Error with what the extension host logged, when the suite does not come to its end. */
export async function runSuite(release: Release): Promise<SuiteResult[]> {
  const program = await obtainServer(release);
  // Beside mocha, so that the bundle in the extension host finds it.
  const bundle = join(repository, 'node_modules', '.cache', 'mim-vscode', `suite-${process.pid}`);
  await build({ entryPoints: [join(import.meta.dirname, 'suite', 'index.ts')], outfile: join(bundle, 'index.js'), bundle: true, platform: 'node', format: 'cjs', target: 'node20', external: ['vscode', 'mocha'], logLevel: 'error' });
  const results = join(bundle, `${release}.json`);
  const server = await launchServer(program, { extension: repository, smokeTestDriver: true, environment: { MIM_SUITE_RESULTS: results } });
  const browser = await launchBrowser().catch(async (error: unknown) => {
    await server.stop();
    throw error;
  });
  try {
    const workspace = join(server.root, 'workspace');
    await fillWorkspace(workspace);
    const page = await browser.newPage();
    const log: string[] = [];
    const ended = new Promise<number>((resolve) => void page.exposeFunction('codeAutomationExit', (code: number) => resolve(code)));
    await page.exposeFunction('codeAutomationLog', (type: string, args: readonly unknown[]) => void log.push(`${type}: ${args.join(' ').split('\n')[0]}`));
    const remote = (path: string) => `vscode-remote://${new URL(server.origin).host}${path}`;
    await page.goto(server.address(workspace, [['extensionDevelopmentPath', remote(server.extension)], ['extensionTestsPath', remote(join(bundle, 'index.js'))]]));
    const late = new Promise<'late'>((resolve) => setTimeout(resolve, limitSeconds * 1000, 'late').unref());
    const code = await Promise.race([ended, late]);
    if (code !== 0) throw new Error(`The suite in the ${release} VS Code ${code === 'late' ? `was not done after ${limitSeconds} s` : 'did not run'}:\n${log.slice(-40).join('\n')}`);
    return JSON.parse(await readFile(results, 'utf8')) as SuiteResult[];
  } finally {
    await browser.close();
    await server.stop();
    await rm(bundle, { recursive: true, force: true });
  }
}
