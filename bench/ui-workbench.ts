/**
 * The interface in a real VS Code over a thousand long runs: waking up, the tree, the dashboard's first paint, memory.
 *
 *   npm run bench:workbench -- [--runs 1000] [--selected 50] [--records 100000] [--rounds 5] [--output docs/results/workbench.md]
 *
 * Fetches VS Code from the npm registry like the tests (0.7 GB, once) and writes some 350 MB under the system's temporary folder.
 */
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { Browser, Frame } from 'playwright-core';
import { launchBrowser } from '../test/chromium';
import { hostMemory } from './ui-host-memory';
import { REFERENCE, referenceMs } from './ui-reference';
import { makeFolder } from './ui-runs';
import { launchServer, type VsCodeServer } from '../test/vscode/launch';
import { obtainServer } from '../test/vscode/obtain';
import { Workbench } from '../test/vscode/workbench';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '1000' },
    selected: { type: 'string', default: '50' },
    records: { type: 'string', default: '100000' },
    rounds: { type: 'string', default: '5' },
    output: { type: 'string' },
  },
});
const [runs, selected, records, rounds] = [Number(values.runs), Number(values.selected), Number(values.records), Number(values.rounds)];
const SWEEP = 'bench';

/** Milliseconds and MiB of one window. */
interface Round {
  readonly loading: number;
  readonly activating: number;
  readonly tree: number;
  readonly firstPaint: number;
  readonly bareMemory: number;
  readonly memory: number;
  readonly reference: number;
}

async function round(browser: Browser, server: VsCodeServer, workspace: string, empty: string): Promise<Round> {
  const bareMemory = await bareHost(browser, server, empty);
  const reference = referenceMs();
  const workbench = await Workbench.open(browser, server, workspace);
  const { page } = workbench;
  try {
    // The explorer is shown, so that the extension sleeps until its container is clicked.
    const begun = performance.now();
    await workbench.showContainer('MIM');
    await workbench.row('run-').first().waitFor();
    const tree = performance.now() - begun;
    await workbench.row(SWEEP).first().waitFor();
    await workbench.command('MIM: Open Dashboard');
    await chooseSweep(await workbench.webview('[role="grid"]', 60_000));
    await page.keyboard.press('Escape');
    await workbench.openFile('notes.txt');
    const hidden = performance.now();
    await workbench.tab('MIM Dashboard').click();
    await painted(workbench);
    const firstPaint = performance.now() - hidden;
    const [loading, activating] = await activationTimes(workbench);
    // Until all records of the runs that are shown were read.
    await page.waitForTimeout(20_000);
    const memory = await hostMemory(server.pid);
    return { loading, activating, tree, firstPaint, bareMemory, memory, reference };
  } finally {
    await page.close();
  }
}

/** What the extension host of a window needs in which the extension sleeps. */
async function bareHost(browser: Browser, server: VsCodeServer, empty: string): Promise<number> {
  const workbench = await Workbench.open(browser, server, empty);
  await workbench.page.waitForTimeout(5000);
  const memory = await hostMemory(server.pid);
  await workbench.page.close();
  return memory;
}

async function chooseSweep(frame: Frame): Promise<void> {
  await frame.getByRole('button', { name: 'Select none' }).click();
  await frame.getByRole('checkbox', { name: new RegExp(SWEEP) }).first().click();
}

/** In the page: whether at least one in a hundred of the first chart's pixels is drawn. */
const HAS_CURVES = `(() => {
  const canvas = document.querySelector('canvas');
  const pixels = canvas?.width ? canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data : [];
  return pixels.length > 0 && pixels.filter((value, i) => i % 4 === 3 && value > 0).length > pixels.length / 400;
})()`;

/** Waits until the first chart of the page that is shown has curves on it. */
async function painted(workbench: Workbench): Promise<void> {
  const frame = await workbench.webview('canvas', 60_000);
  await frame.waitForFunction(HAS_CURVES);
}

/** As VS Code itself measured them: loading the code, and the call of activate(). */
async function activationTimes(workbench: Workbench): Promise<[number, number]> {
  await workbench.command('Developer: Startup Performance');
  const { page } = workbench;
  const lines = page.locator('.editor-group-container.active .view-line');
  await lines.first().waitFor();
  await page.keyboard.press('Control+F');
  await page.keyboard.type('mim-lab');
  await page.keyboard.press('Enter');
  const line = lines.filter({ hasText: 'mim-lab' }).first();
  await line.waitFor();
  const numbers = (await line.innerText()).match(/\d+/g)?.map(Number) ?? [];
  console.log(await line.innerText());
  return [numbers[0] ?? Number.NaN, numbers[1] ?? Number.NaN];
}

const median = (numbers: readonly number[]): number => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]!;

function report([first, ...found]: readonly Round[], version: string): string {
  const ms = (of: (round: Round) => number): string => `${Math.round(median(found.map(of)))} ms`;
  const mib = (of: (round: Round) => number): string => `${Math.round(median(found.map(of)))} MiB`;
  const rows = [
    ['Activation: loading the code and calling `activate`, as VS Code measures it', ms(({ loading, activating }) => loading + activating), 'under 200 ms'],
    ['Runs tree: from the click that wakes the extension to the first row', ms(({ tree }) => tree), 'under 1 s'],
    ['the same in the first window that ever sees these runs', `${Math.round(first!.tree)} ms`, ''],
    [`Dashboard: from the click on its tab to curves of ${selected} runs on the screen`, ms(({ firstPaint }) => firstPaint), 'under 1.5 s'],
    ['Resident memory of the extension host, with all records read', mib(({ memory }) => memory), ''],
    ['the same before, with the extension asleep', mib(({ bareMemory }) => bareMemory), ''],
    ['What the extension adds', mib(({ memory, bareMemory }) => memory - bareMemory), 'under 300 MB'],
    [REFERENCE, ms(({ reference }) => reference), ''],
  ];
  return `# The interface over a thousand long runs, in VS Code

${runs} runs of ${records} records each, ${selected} of them chosen, in VS Code ${version} on ${os.availableParallelism()} cores (${os.cpus()[0]?.model.trim() ?? 'unknown'}), which the
browser that shows it shares. Medians of ${found.length} windows, each with a new extension host, after a first one that has not seen the runs before.

\`\`\`sh
npm run bench:workbench -- --output docs/results/workbench.md
\`\`\`

| What | Measured | Budget |
| --- | ---: | --- |
${rows.map((row) => `| ${row.join(' | ')} |`).join('\n')}
`;
}

const program = await obtainServer('newest');
const server = await launchServer(program, { extension: path.join(import.meta.dirname, '..', '..') });
const browser = await launchBrowser();
try {
  const workspace = path.join(server.root, 'workspace');
  const empty = path.join(server.root, 'empty');
  await mkdir(empty);
  const made = await makeFolder(path.join(server.root, 'bench'), { runs, live: selected, records, sweep: SWEEP });
  await symlink(made.path, path.join(workspace, 'runs'));
  await writeFile(path.join(workspace, 'notes.txt'), 'Not an experiment.');
  const found: Round[] = [];
  for (let i = 0; i < rounds; i++) {
    found.push(await round(browser, server, workspace, empty));
    console.error(`round ${i + 1}: ${JSON.stringify(found.at(-1))}`);
  }
  const text = report(found, program.version);
  process.stdout.write(text);
  if (values.output !== undefined) await writeFile(values.output, text);
} finally {
  await browser.close();
  await server.stop();
}
