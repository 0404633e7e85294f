/** The browser that pages are tested in. */
import { existsSync } from 'node:fs';
import { chromium, type Browser } from 'playwright-core';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome', '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome'];

/** @throws Error that says what to install where there is no Chromium */
export function launchBrowser(): Promise<Browser> {
  const named = process.env['CHROMIUM'];
  const executablePath = [...(named === undefined ? [] : [named]), ...PLACES, chromium.executablePath()].find((place) => existsSync(place));
  if (executablePath === undefined) throw new Error('The webview tests need Chromium: install the package "chromium", or set CHROMIUM to the path of one.');
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
}
