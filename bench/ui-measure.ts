/** What the dashboard's model costs its host, by the clock and by how long the event loop was kept busy. */
import { appendFileSync } from 'node:fs';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { createDashboardModel } from '../extension/core/dashboard/model';
import type { RunLibrary } from '../extension/core/library/library';
import type { DashboardState, ViewData } from '../extension/core/protocol/dashboard';
import { metricsLine, type Folder } from './ui-runs';

export interface Figures {
  /** Until the runs are told of, until their configs are read too, and a look that finds nothing changed, in ms. */
  readonly listing: number;
  readonly configs: number;
  readonly listingAgain: number;
  /** From the request to the message with a sample of every selected run, and until all is read, in ms. */
  readonly firstPaint: number;
  readonly complete: number;
  /** Longest time the event loop was kept while reading in the background, in ms. */
  readonly longestBlock: number;
  /** Busy time of the host for one update in which every selected run has a new record, in ms: median and worst. */
  readonly update: readonly [number, number];
  /** The message the panel gets, in MB. */
  readonly messageMegabytes: number;
  /** Resident memory of the process before the library, at its highest while reading, and after, in MiB. */
  readonly memory: { readonly before: number; readonly peak: number; readonly after: number };
}

const UPDATES = 20;
/** Longer than any file takes to be read. */
const QUIET_MS = 4000;

export async function measure(library: RunLibrary, folder: Folder, selected: number, records: number): Promise<Figures> {
  const memory = watchMemory();
  const listing = timed(() => once(library.onChange.bind(library)));
  library.setPlaces({ runFolders: [folder.path], external: [] });
  const configs = await timed(() => library.refresh());
  const listingAgain = await timed(() => library.refresh());

  const model = createDashboardModel({ library, pollMs: 100 });
  const state = stateOf(folder.runs.slice(0, selected));
  const show = async (): Promise<ViewData> => {
    const data = await model.view(state);
    message = postedBytes({ type: 'view', data });
    return data;
  };
  let message = 0;
  const delays = monitorEventLoopDelay({ resolution: 1 });
  const begun = performance.now();
  await show();
  const firstPaint = performance.now() - begun;
  delays.enable();
  const complete = (await untilComplete(model.onChange, show)) - begun;
  delays.disable();
  const updates: number[] = [];
  for (let i = 1; i <= UPDATES; i++) updates.push(await updateTime(folder, records + i, records, model.onChange, show));
  model.dispose();
  updates.sort((a, b) => a - b);
  return {
    listing: await listing, configs, listingAgain, firstPaint, complete,
    longestBlock: delays.max / 1e6,
    update: [updates[UPDATES / 2]!, updates.at(-1)!],
    messageMegabytes: message / 1e6,
    memory: memory.stop(),
  };
}

/** As VS Code hands a message to a panel: JSON, in which typed arrays are taken out by a replacer, and each of their buffers as bytes. @returns the size */
function postedBytes(message: unknown): number {
  const buffers: ArrayBufferLike[] = [];
  const text = JSON.stringify(message, (_key, value: unknown) => {
    if (!(value instanceof Float64Array)) return value;
    if (!buffers.includes(value.buffer)) buffers.push(value.buffer);
    return { index: buffers.indexOf(value.buffer), view: { byteOffset: value.byteOffset, byteLength: value.byteLength } };
  });
  return Buffer.concat([Buffer.from(text), ...buffers.map((buffer) => new Uint8Array(buffer))]).length;
}

type OnChange = (listener: () => void) => () => void;

/** Updates as a panel does, until there is no more news; returns when the last of it was shown. */
async function untilComplete(onChange: OnChange, show: () => Promise<ViewData>): Promise<number> {
  let last = performance.now();
  while (await newsWithin(onChange, QUIET_MS)) {
    await show();
    last = performance.now();
  }
  return last;
}

async function newsWithin(onChange: OnChange, ms: number): Promise<boolean> {
  return Promise.race([sleep(ms, false), once(onChange).then(() => true)]);
}

/** Busy time of the host from one new record in each run to the message that shows them, in ms. */
async function updateTime(folder: Folder, step: number, records: number, onChange: OnChange, show: () => Promise<ViewData>): Promise<number> {
  const news = once(onChange);
  // The trainers' work, who are other processes.
  for (const [i, file] of folder.metricsFiles.entries()) appendFileSync(file, metricsLine(step, i, records));
  return busyOf(async () => {
    await news;
    await show();
  });
}

function once(onChange: OnChange): Promise<void> {
  return new Promise((resolve) => {
    const stop = onChange(() => {
      stop();
      resolve();
    });
  });
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}

/** How long the event loop was busy within, in ms; waiting for files does not count. */
async function busyOf(work: () => Promise<unknown>): Promise<number> {
  const before = performance.eventLoopUtilization();
  await work();
  return performance.eventLoopUtilization(before).active;
}

function watchMemory(): { stop(): Figures['memory'] } {
  const now = (): number => process.memoryUsage.rss() / 2 ** 20;
  const before = now();
  let peak = before;
  const timer = setInterval(() => (peak = Math.max(peak, now())), 20);
  return {
    stop: () => {
      clearInterval(timer);
      return { before, peak, after: now() };
    },
  };
}

function stateOf(selected: readonly string[]): DashboardState {
  return {
    view: 'curves',
    selected,
    curves: { metrics: [], x: 'step', smoothing: 0.6, logX: false, logY: false, heatMap: false },
    sweep: { keys: [] },
    alignment: {},
    probe: {},
    diagnostics: {},
    samples: {},
    compare: { columns: [], filter: '', onlyDifferences: false, summary: 'last' },
  };
}
