/** The end of a sweep: table, figure and JSON of its results, beside its frozen cells. */
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import sharp from 'sharp';
import { writeFileAtomically } from '../core/files/durable-files';
import { readRun, withConfig } from '../core/library/read-run';
import type { LibraryRun } from '../core/library/library-run';
import { configOf } from '../core/runs/run-config';
import { sweepFolder } from '../core/sweeps/cell-files';
import { sweepFile } from '../core/sweeps/record';
import { summarise, type CellResult, type SweepSummary } from '../core/sweeps/summary';
import { summaryFigure } from '../core/sweeps/summary-figure';
import { summaryMarkdown } from '../core/sweeps/summary-markdown';
import { trainerStateSchema } from '../training/checkpoint-state';
import { plannedSweep, type Sweep, type SweepOptions } from './sweep-plan';
import { printJson, type Terminal } from './terminal';
import { shortPath } from './train';

/** Pixels of the picture for one of the figure. */
const SHARPNESS = 2;

/** Writes summary.md, .json, .svg and .png; prints the table, or with `json` the summary. */
export async function tellSummary(terminal: Terminal, sweep: Sweep, { json }: { readonly json?: boolean }): Promise<void> {
  const written = await writeSummary(sweep);
  if (json === true) printJson(terminal, { ...written.summary, folder: written.folder });
  else tellTable(terminal, written);
}

/** At the end of a sweep that ran: as its cells are now, with `json` as one more event. */
export async function tellFinalSummary(terminal: Terminal, options: SweepOptions): Promise<void> {
  const written = await writeSummary(await plannedSweep(options));
  if (options.json === true) terminal.out(JSON.stringify({ event: 'summary', ...written.summary, folder: written.folder }));
  else tellTable(terminal, written);
}

interface WrittenSummary {
  readonly summary: SweepSummary;
  readonly folder: string;
}

function tellTable(terminal: Terminal, { summary, folder }: WrittenSummary): void {
  for (const line of summaryMarkdown(summary).trimEnd().split('\n')) terminal.out(line);
  terminal.out('');
  terminal.out(`Written: ${shortPath(path.join(folder, 'summary.md'))}, .json, .svg, .png`);
}

async function writeSummary({ runs, name, plan }: Sweep): Promise<WrittenSummary> {
  const summary = summarise(name, await Promise.all(plan.map(resultOf)));
  const folder = sweepFolder(sweepFile(runs, name));
  await mkdir(folder, { recursive: true });
  const figure = summaryFigure(summary);
  await writeFileAtomically(path.join(folder, 'summary.md'), `${summaryMarkdown(summary)}\n![${name}](summary.svg)\n`);
  await writeFileAtomically(path.join(folder, 'summary.json'), `${JSON.stringify(summary, null, 2)}\n`);
  await writeFileAtomically(path.join(folder, 'summary.svg'), figure);
  await writeFileAtomically(path.join(folder, 'summary.png'), [await sharp(Buffer.from(figure), { density: 72 * SHARPNESS }).png().toBuffer()]);
  return { summary, folder };
}

async function resultOf({ cell, state, run }: Sweep['plan'][number]): Promise<CellResult> {
  if (run === undefined) return { cell, state };
  const known: LibraryRun = { ...withConfig(await readRun(run.path), await configOf(run.path)), name: run.id, marks: { starred: false, tags: [] } };
  return { cell, state, run: known, trainingSeconds: await trainingSeconds(known) };
}

/** As the newest checkpoint knows it, parts of a resumed run together. */
async function trainingSeconds({ checkpoints }: LibraryRun): Promise<number | undefined> {
  const newest = checkpoints.toSorted((a, b) => b.step - a.step)[0];
  if (newest === undefined) return undefined;
  const text = await readFile(path.join(newest.path, 'state.json'), 'utf8').catch(() => '{}');
  try {
    return trainerStateSchema.parse(JSON.parse(text)).throughput.seconds;
  } catch {
    return undefined;
  }
}
