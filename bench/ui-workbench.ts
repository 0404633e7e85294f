/**
 * The interface in a real VS Code over a thousand long runs: waking up, the tree, the dashboard's first paint, memory.
 *
 *   npm run bench:workbench -- [--runs 1000] [--selected 50] [--records 100000] [--rounds 5] [--output docs/results/workbench.md]
 *
 * Fetches VS Code from the npm registry like the tests (0.7 GB, once) and writes some 350 MB under the system's temporary folder.
 */
import { cp, mkdir, readFile, rename, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { Browser, Frame } from 'playwright-core';
import { launchBrowser } from '../test/chromium';
import { median } from './median';
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
/** How often a window shows the dashboard of all chosen runs; a round has the median. */
const SHOWN = 3;

/** Milliseconds and MiB of one round: a window in which the extension sleeps until it is wanted, and one with an experiment. */
interface Round {
  readonly loading: number;
  readonly activating: number;
  /** Processor time of both. */
  readonly activation: number;
  /** Of the extension that sleeps. */
  readonly wakingTree: number;
  /** Of the extension that is awake, because the workspace has an experiment. */
  readonly tree: number;
  /** VS Code's own search view, for comparison. */
  readonly ownView: number;
  readonly firstPaint: number;
  /** Of it, what the page itself took since VS Code let it begin. */
  readonly ownPaint: number;
  /** The same page with the curves of one run. */
  readonly smallPaint: number;
  readonly bareMemory: number;
  readonly memory: number;
  readonly reference: number;
}

interface Workspaces {
  /** Without runs. */
  readonly empty: string;
  /** With runs, and no experiment. */
  readonly runs: string;
  readonly experiment: string;
}

async function round(browser: Browser, server: VsCodeServer, workspaces: Workspaces): Promise<Round> {
  const bareMemory = await bareHost(browser, server, workspaces.empty);
  const reference = referenceMs();
  const waking = await Workbench.open(browser, server, workspaces.runs);
  const wakingTree = await timeOf(() => showTree(waking));
  const [loading, activating] = await activationTimes(waking);
  const activation = Number(await readFile(path.join(server.extension, 'dist', 'activation.txt'), 'utf8'));
  await waking.page.close();
  const workbench = await Workbench.open(browser, server, workspaces.experiment);
  const { page } = workbench;
  try {
    await page.waitForTimeout(15_000);
    const ownView = await timeOf(async () => {
      await workbench.showContainer('Search');
      await page.locator('.search-view .search-widget').waitFor();
    });
    const tree = await timeOf(() => showTree(workbench));
    await workbench.row(SWEEP).first().waitFor();
    await workbench.command('MIM: Open Dashboard');
    const choose = async (names: string | RegExp): Promise<void> => {
      await chooseRuns(await workbench.webview('[role="grid"]', 60_000), names);
      await page.keyboard.press('Escape');
      await workbench.openFile('notes.txt');
    };
    await choose(/run-/);
    const [smallPaint] = await showCurves(workbench);
    await choose(new RegExp(SWEEP));
    const paints = [];
    for (let time = 0; time < SHOWN; time++) {
      await workbench.openFile('notes.txt');
      await page.waitForTimeout(1000);
      paints.push(await showCurves(workbench));
      await page.waitForTimeout(1000);
    }
    const [firstPaint, ownPaint] = [median(paints.map(([paint]) => paint)), median(paints.map(([, own]) => own))];
    // Until all records of the runs that are shown were read.
    await page.waitForTimeout(20_000);
    const memory = await hostMemory(server.pid);
    return { loading, activating, activation, wakingTree, tree, ownView, firstPaint, ownPaint, smallPaint, bareMemory, memory, reference };
  } finally {
    await page.close();
  }
}

async function timeOf(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}

async function showTree(workbench: Workbench): Promise<void> {
  await workbench.showContainer('MIM');
  await workbench.row('run-').first().waitFor();
}

/** Milliseconds from the click to curves on the screen, and how long before that the page began to load. */
async function showCurves(workbench: Workbench): Promise<[paint: number, own: number]> {
  const clicked = Date.now();
  const [[at, age]] = await Promise.all([painted(workbench), workbench.tab('MIM Dashboard').click()]);
  return [at - clicked, age];
}

/** What the extension host of a window needs in which the extension sleeps. */
async function bareHost(browser: Browser, server: VsCodeServer, empty: string): Promise<number> {
  const workbench = await Workbench.open(browser, server, empty);
  await workbench.page.waitForTimeout(5000);
  const memory = await hostMemory(server.pid);
  await workbench.page.close();
  return memory;
}

async function chooseRuns(frame: Frame, names: string | RegExp): Promise<void> {
  await frame.getByRole('button', { name: 'Select none' }).click();
  await frame.getByRole('checkbox', { name: names }).first().click();
}

/**
 * In the page: looks at each of its frames from now on, and tells when at least one in a hundred of the first chart's pixels
 * was drawn, in ms since 1970 and since the page began, once it was. Looks at a copy that is small, so that it costs little.
 */
const WHEN_CURVES = `(() => {
  if (window.curvesAt || window.looksForCurves) return window.curvesAt;
  window.looksForCurves = true;
  const look = () => {
    const canvas = document.querySelector('canvas');
    if (!canvas?.width) return requestAnimationFrame(look);
    const copy = new OffscreenCanvas(160, 80).getContext('2d');
    copy.drawImage(canvas, 0, 0, 160, 80);
    const pixels = copy.getImageData(0, 0, 160, 80).data;
    if (pixels.filter((value, i) => i % 4 === 3 && value > 0).length <= pixels.length / 400) return requestAnimationFrame(look);
    window.curvesAt = [performance.timeOrigin + performance.now(), performance.now()];
  };
  look();
})()`;

const LOOK_MS = 20;

/** Waits until the first chart of a page that is shown has curves on it: when that was in ms since 1970, and how old the page was. */
async function painted({ page }: Workbench): Promise<[at: number, age: number]> {
  for (;;) {
    for (const frame of page.frames()) {
      // A frame that goes to its page forgets the question.
      const found = frame.parentFrame() === null ? undefined : await frame.evaluate<[number, number] | undefined>(WHEN_CURVES).catch(() => undefined);
      if (found !== undefined) return found;
    }
    await page.waitForTimeout(LOOK_MS);
  }
}

/** As VS Code itself measured them: loading the code, and the call of activate(). */
async function activationTimes(workbench: Workbench): Promise<[number, number]> {
  await workbench.command('Developer: Startup Performance');
  const { page } = workbench;
  const lines = page.locator('.editor-group-container.active .view-line');
  const line = lines.filter({ hasText: 'mim-lab' }).first();
  // Only lines in sight are in the page; the editor may still be filling when the search begins.
  for (let tries = 0; tries < 5 && !(await line.isVisible()); tries++) {
    await lines.first().click();
    await page.keyboard.press('Control+F');
    await page.keyboard.press('Control+A');
    await page.keyboard.type('mim-lab');
    await page.keyboard.press('Enter');
    await line.waitFor({ timeout: 5000 }).catch(() => undefined);
  }
  const numbers = (await line.innerText()).match(/\d+/g)?.map(Number) ?? [];
  return [numbers[0] ?? Number.NaN, numbers[1] ?? Number.NaN];
}

function report([first, ...found]: readonly Round[], version: string): string {
  const ms = (of: (round: Round) => number): string => `${Math.round(median(found.map(of)))} ms`;
  const mib = (of: (round: Round) => number): string => `${Math.round(median(found.map(of)))} MiB`;
  const rows = [
    ['Activation: processor time of the host for loading the code and calling `activate`', ms(({ activation }) => activation), 'under 200 ms'],
    ['the same by the clock, as VS Code measures it while its window is being drawn', ms(({ loading, activating }) => loading + activating), ''],
    ['Runs tree: from the click on the container to the first row', ms(({ tree }) => tree), 'under 1 s'],
    ['the same where the click wakes the extension, because no experiment in the workspace did', ms(({ wakingTree }) => wakingTree), ''],
    ['the same in the first window that ever sees these runs', `${Math.round(first!.wakingTree)} ms`, ''],
    ['(For comparison: from the click to the field of VS Code’s own search view)', ms(({ ownView }) => ownView), ''],
    [`Dashboard: from the click on its tab to curves of ${selected} runs on the screen, median of ${SHOWN} a window`, ms(({ firstPaint }) => firstPaint), 'under 1.5 s'],
    ['of it, since VS Code let the page begin to load', ms(({ ownPaint }) => ownPaint), ''],
    ['the same click with the curves of one run', ms(({ smallPaint }) => smallPaint), ''],
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
const root = path.join(import.meta.dirname, '..');
const server = await launchServer(program, { extension: root });
const dist = path.join(server.extension, 'dist');
await rename(path.join(dist, 'extension.cjs'), path.join(dist, 'program.cjs'));
await cp(path.join(root, 'bench', 'ui-activation.cjs'), path.join(dist, 'extension.cjs'));
const browser = await launchBrowser();
try {
  const workspaces: Workspaces = { empty: path.join(server.root, 'empty'), runs: path.join(server.root, 'workspace'), experiment: path.join(server.root, 'experiment') };
  const made = await makeFolder(path.join(server.root, 'bench'), { runs, live: selected, records, sweep: SWEEP });
  await mkdir(workspaces.empty);
  for (const folder of [workspaces.runs, workspaces.experiment]) {
    await mkdir(folder, { recursive: true });
    await symlink(made.path, path.join(folder, 'runs'));
    await writeFile(path.join(folder, 'notes.txt'), 'Not an experiment.');
  }
  await writeFile(path.join(workspaces.experiment, 'study.mim.yaml'), 'mim: 1\nmethod: supervised\ndata: { kind: shapes }\n');
  const found: Round[] = [];
  for (let i = 0; i < rounds; i++) {
    found.push(await round(browser, server, workspaces));
    console.error(`round ${i + 1}: ${JSON.stringify(found.at(-1))}`);
  }
  const text = report(found, program.version);
  process.stdout.write(text);
  if (values.output !== undefined) await writeFile(values.output, text);
} finally {
  await browser.close();
  await server.stop();
}
