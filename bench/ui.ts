/**
 * What 1000 runs of 100,000 records cost the extension's host: listing, the curves of 50 of them, a live update, memory.
 *
 *   npm run bench:ui -- [--runs 1000] [--selected 50] [--records 100000] [--output docs/results/ui.md]
 *
 * Writes some 350 MB under the system's temporary folder and removes it. The listing reads each run's state, config and
 * probe results from disk, without any cache.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { parseResolved } from '../extension/core/config/freeze';
import type { LibraryRun } from '../extension/core/library/library-run';
import type { RunLibrary } from '../extension/core/library/library';
import { listRuns } from '../extension/core/runs/list-runs';
import { inspectRun } from '../extension/core/runs/run-report';
import { measure, type Figures } from './ui-measure';
import { makeFolder, type Folder } from './ui-runs';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '1000' },
    selected: { type: 'string', default: '50' },
    records: { type: 'string', default: '100000' },
    output: { type: 'string' },
  },
});
const [runs, selected, records] = [Number(values.runs), Number(values.selected), Number(values.records)];

/** Reads everything at each refresh. */
function plainLibrary(): RunLibrary {
  let folders: readonly string[] = [];
  let known = new Map<string, LibraryRun>();
  return {
    get runs() {
      return [...known.values()];
    },
    get: (key) => known.get(key),
    setPlaces: ({ runFolders }) => void (folders = runFolders),
    refresh: async () => {
      const listed = (await Promise.all(folders.map(listRuns))).flat();
      const read = await Promise.all(listed.map(({ path: folder }) => readRun(folder)));
      known = new Map(read.map((run) => [run.key, run]));
    },
    onChange: () => () => undefined,
    mark: () => Promise.resolve(),
    dispose: () => undefined,
  };
}

async function readRun(folder: string): Promise<LibraryRun> {
  const { id, state, status, evaluations, checkpoints } = await inspectRun(folder);
  const config = parseResolved(await readFile(path.join(folder, 'config.yaml'), 'utf8'));
  return { key: folder, id, name: id, origin: 'mim', state, status, config, evaluations, checkpoints, marks: { starred: false, tags: [] } };
}

function report({ bytesPerRun }: Folder, figures: Figures): string {
  const { listing, firstPaint, complete, longestBlock, update, messageMegabytes, memory } = figures;
  const ms = (value: number): string => `${Math.round(value)} ms`;
  const rows = [
    [`Listing ${runs} runs from disk, nothing cached`, ms(listing), 'the tree under 1 s'],
    [`Data of the first paint, ${selected} runs, a sample of each`, ms(firstPaint), 'first paint under 1.5 s'],
    ['Until all of their records are in the curves, in the background', ms(complete), ''],
    ['Longest time the event loop was kept meanwhile', ms(longestBlock), ''],
    [`Host time of a live update in which all ${selected} runs have a new record, median`, ms(update[0]), 'under 50 ms'],
    ['the same, the worst of 20', ms(update[1]), 'under 50 ms'],
    ['Resident memory at its highest', `${Math.round(memory.peak)} MiB`, 'under 300 MB'],
    ['of which the bare process', `${Math.round(memory.before)} MiB`, ''],
    ['Message to the panel', `${messageMegabytes.toFixed(1)} MB`, ''],
  ];
  return `# What many long runs cost the extension's host

${runs} runs of ${records} records each (${(bytesPerRun / 1e6).toFixed(0)} MB of metrics a run, five levels), of which ${selected} are selected. The metrics
of all runs are hard links to eight files, so they come from memory rather than from disk; all else of a run is its own.
Measured in a plain Node ${process.versions.node} process on ${os.availableParallelism()} cores (${os.cpus()[0]?.model.trim() ?? 'unknown'}), without VS Code and
without the panel: drawing is not in these figures, nor is activation. The listing is of a plain reader that reads each
run anew, which stands for the library here and is no measurement of it; the live update includes the message as JSON.

\`\`\`sh
npm run bench:ui -- --output docs/results/ui.md
\`\`\`

| What | Measured | Budget |
| --- | ---: | --- |
${rows.map((row) => `| ${row.join(' | ')} |`).join('\n')}
`;
}

const folder = await mkdtemp(path.join(os.tmpdir(), 'mim-bench-ui-'));
try {
  const made = await makeFolder(folder, { runs, live: selected, records });
  const text = report(made, await measure(plainLibrary(), made, selected, records));
  process.stdout.write(text);
  if (values.output !== undefined) await writeFile(values.output, text);
} finally {
  await rm(folder, { recursive: true, force: true });
}
