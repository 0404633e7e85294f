/**
 * What 1000 runs of 100,000 records cost the extension's host: listing, the curves of 50 of them, a live update, memory.
 *
 *   npm run bench:ui -- [--runs 1000] [--selected 50] [--records 100000] [--output docs/results/ui.md]
 *
 * Writes some 350 MB under the system's temporary folder and removes it. The listing is the library's first look.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { RunLibrary } from '../extension/core/library/library';
import { createRunLibrary } from '../extension/core/library/poll-library';
import { measure, type Figures } from './ui-measure';
import { REFERENCE, referenceMs } from './ui-reference';
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

function openLibrary(folder: string): RunLibrary {
  return createRunLibrary({ pollMs: 0, externalMarks: path.join(folder, 'storage'), memory: { folder: path.join(folder, 'memory'), version: 'bench' } });
}

/** Milliseconds until runs that an earlier window knew are told of. */
async function laterWindow(library: RunLibrary, { path: runFolder }: Folder): Promise<number> {
  const begun = performance.now();
  const told = new Promise<number>((resolve) => void library.onChange(() => resolve(performance.now() - begun)));
  library.setPlaces({ runFolders: [runFolder], external: [] });
  const ms = await told;
  await library.refresh();
  library.dispose();
  return ms;
}

function report({ bytesPerRun }: Folder, figures: Figures, later: number): string {
  const { listing, configs, firstPaint, complete, longestBlock, update, messageMegabytes, memory } = figures;
  const ms = (value: number): string => `${Math.round(value)} ms`;
  const rows = [
    [`Listing ${runs} runs from disk that were never seen, until the tree is told of them`, ms(listing), 'the tree under 1 s'],
    ['the same in a later window', ms(later), 'the tree under 1 s'],
    ['Until all configs are read, once, in the background', ms(configs), ''],
    [`Data of the first paint, ${selected} runs, a sample of each`, ms(firstPaint), 'first paint under 1.5 s'],
    ['Until all of their records are in the curves, in the background', ms(complete), ''],
    ['Longest time the event loop was kept meanwhile', ms(longestBlock), ''],
    [`Host time of a live update in which all ${selected} runs have a new record, median`, ms(update[0]), 'under 50 ms'],
    ['the same, the worst of 20', ms(update[1]), 'under 50 ms'],
    ['Resident memory at its highest', `${Math.round(memory.peak)} MiB`, 'under 300 MB'],
    ['of which the bare process', `${Math.round(memory.before)} MiB`, ''],
    ['Message to the panel', `${messageMegabytes.toFixed(1)} MB`, ''],
    [REFERENCE, ms(referenceMs()), ''],
  ];
  return `# What many long runs cost the extension's host

${runs} runs of ${records} records each (${(bytesPerRun / 1e6).toFixed(0)} MB of metrics a run, five levels), of which ${selected} are selected. The metrics
of all runs are hard links to eight files, so they come from memory rather than from disk; all else of a run is its own.
Measured in a plain Node ${process.versions.node} process on ${os.availableParallelism()} cores (${os.cpus()[0]?.model.trim() ?? 'unknown'}), without VS Code and
without the panel: drawing is not in these figures, nor is activation. The library looks by itself each second; the live update is what
a change of all selected runs costs beyond that look, and includes the message as VS Code packs it.

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
  const library = openLibrary(folder);
  const figures = await measure(library, made, selected, records);
  library.dispose();
  const text = report(made, figures, await laterWindow(openLibrary(folder), made));
  process.stdout.write(text);
  if (values.output !== undefined) await writeFile(values.output, text);
} finally {
  await rm(folder, { recursive: true, force: true });
}
