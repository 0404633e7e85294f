/** The browser that pages and the workbench are tested in. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { chromium, type Browser } from 'playwright-core';

const run = promisify(execFile);

/** Without the last four the browser looks for updates by itself, which a closed network answers with errors. */
const quiet = ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

/** @throws Error that says how to get Chromium where there is none. */
export async function launchBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: await obtainChromium(), args: quiet });
}

/** Chromium's program: the one CHROMIUM names, an installed one, or Debian's package when this is root on Debian. */
export async function obtainChromium(): Promise<string> {
  const named = process.env.CHROMIUM;
  if (named) {
    if (existsSync(named)) return named;
    throw new Error(`CHROMIUM names ${named}, which does not exist`);
  }
  if (installedChromium() === undefined && process.getuid?.() === 0 && existsSync('/etc/debian_version')) await installChromium();
  const found = installedChromium();
  if (found) return found;
  throw new Error('The tests of pages need Chromium: install it (Debian: apt-get install chromium) or name it in CHROMIUM.');
}

/** Test files run side by side; whoever comes second waits and finds nothing left to do. */
async function installChromium(): Promise<void> {
  const alone = (...command: readonly string[]) => run('flock', [join(tmpdir(), 'mim-lab-apt.lock'), ...command], { maxBuffer: 64 << 20, env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } });
  await alone('apt-get', 'update');
  await alone('apt-get', 'install', '-y', '--no-install-recommends', 'chromium');
}

function installedChromium(): string | undefined {
  const folders = ['/usr/bin', ...(process.env.PATH ?? '').split(delimiter)];
  const places = folders.flatMap((folder) => ['chromium', 'chromium-browser', 'google-chrome'].map((name) => join(folder, name)));
  return [...places, '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome', chromium.executablePath()].find((place) => existsSync(place));
}
