/** One training under the eyes of the command line: display, signals, the last words, the exit code. */
import { relative } from 'node:path';
import type { TrainingEvents, TrainingOutcome } from '../training/events';
import { StopSignal } from '../training/stop-signal';
import { exitCodes } from './exit-codes';
import { tellJobOfDownload, tellJobOfRun } from './job-worker';
import { duration, rate } from '../core/text/format';
import { trainingDisplay } from './progress';
import { stopOnSignals } from './stop-on-signals';
import { evaluationTable } from './evaluation-table';
import type { Terminal } from './terminal';

export async function train(
  terminal: Terminal,
  options: { readonly json?: boolean },
  start: (events: TrainingEvents, signal: StopSignal) => Promise<TrainingOutcome>,
): Promise<number> {
  const signal = new StopSignal();
  const display = trainingDisplay(terminal, { json: options.json === true });
  // A checkpoint first; what is said after that nobody hears.
  terminal.onReaderGone(() => signal.request('nobody reads the output any more'));
  const ignoreSignals = stopOnSignals(signal, terminal);
  const events: TrainingEvents = {
    ...display.events,
    onDownload: (progress) => {
      tellJobOfDownload(progress);
      display.events.onDownload(progress);
    },
    onStart: (summary, run) => {
      tellJobOfRun(run);
      display.events.onStart(summary, run);
    },
  };
  let outcome: TrainingOutcome;
  try {
    outcome = await start(events, signal);
  } finally {
    ignoreSignals();
    display.close();
  }
  const say = options.json === true ? terminal.note : terminal.out;
  for (const line of outcomeLines(outcome)) say(line);
  if (options.json === true) terminal.out(JSON.stringify({ event: 'end', ...outcome }));
  return outcome.state === 'stopped' ? exitCodes.stopped : exitCodes.done;
}

export function outcomeLines(outcome: TrainingOutcome): string[] {
  const run = shortPath(outcome.run);
  const speed = `${outcome.steps} steps in ${duration(outcome.seconds)}, ${rate(outcome.imagesPerSecond)} images/s`;
  if (outcome.state === 'stopped') return [`Stopped with a checkpoint: ${run} (${speed})`, `Go on with: mim resume ${run}`];
  const table = outcome.evaluations.length === 0 ? [] : ['', ...evaluationTable(outcome.evaluations)];
  return [`Finished: ${run} (${speed})`, ...table];
}

/** Relative to the current folder where that is inside it. */
export function shortPath(path: string): string {
  const short = relative(process.cwd(), path);
  return short === '' || short.startsWith('..') ? path : short;
}
