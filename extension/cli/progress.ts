/**
 * What a person or a script sees of a training while it runs: a bar with ETA on a terminal, a plain line every ten
 * seconds in a log, JSON lines with `--json`.
 */
import { SingleBar } from 'cli-progress';
import type { StepProgress, TrainingEvents } from '../training/events';
import type { DownloadProgress } from '../core/hub/progress';
import { downloadText, pacedDownloadNotes } from './download-notes';
import { evaluationProgressText, pacedEvaluationNotes } from './evaluation-notes';
import { duration, percent, rate, significant } from '../core/text/format';
import type { Terminal } from './terminal';

export interface TrainingDisplay {
  readonly events: Required<TrainingEvents>;
  /** Takes the bar off the terminal. To be called once, however the training ended. */
  close(): void;
}

type Clock = () => number;
type Evaluation = Parameters<NonNullable<TrainingEvents['onEvaluation']>>[0];

const lineInterval = 10_000;
const jsonInterval = 1_000;

/** Chooses the display that suits where the output goes. */
export function trainingDisplay(terminal: Terminal, options: { json: boolean; clock?: Clock }): TrainingDisplay {
  const clock = options.clock ?? Date.now;
  const shown = terminal.interactive ? barDisplay(terminal) : lineDisplay(terminal, clock);
  return options.json ? withJsonLines(shown, terminal, clock) : shown;
}

export function evaluationLine(result: Evaluation): string {
  return `${result.subject} · ${result.protocol} on ${result.features} features${result.layer === undefined ? '' : ` of layer ${result.layer}`} at step ${result.step}: ${percent(result.top1)}${result.top1Std === undefined ? '' : ` ± ${percent(result.top1Std)}`}`;
}

function stepLine(progress: StepProgress): string {
  return [
    `step ${progress.step}/${progress.totalSteps}`,
    `epoch ${progress.epoch.toFixed(1)}`,
    `loss ${significant(progress.loss)}`,
    `lr ${significant(progress.learningRate)}`,
    `${rate(progress.imagesPerSecond)} img/s`,
    `ETA ${duration(progress.etaSeconds)}`,
  ].join('  ');
}

/** Lines for logs and pipes: the first step, then one every ten seconds, then the last. */
function lineDisplay(terminal: Terminal, clock: Clock): TrainingDisplay {
  let next = -Infinity;
  return {
    events: {
      onStart: (summary) => summary.forEach((line) => terminal.note(line)),
      onStep: (progress) => {
        const now = clock();
        if (now < next && progress.step < progress.totalSteps) return;
        next = now + lineInterval;
        terminal.note(stepLine(progress));
      },
      onEvaluation: (result) => terminal.note(evaluationLine(result)),
      onEvaluationProgress: pacedEvaluationNotes((line) => terminal.note(line), clock, lineInterval),
      onDownload: pacedDownloadNotes((line) => terminal.note(line), clock, lineInterval),
      onMessage: (line) => terminal.note(line),
    },
    close: () => undefined,
  };
}

/** A bar on the last line; everything else is written above it. */
function barDisplay(terminal: Terminal): TrainingDisplay {
  const bar = new SingleBar({
    stream: terminal.progressStream,
    format: '{bar} {percentage}%  {text}',
    barCompleteChar: '█',
    barIncompleteChar: '░',
    barsize: 24,
    hideCursor: true,
    clearOnComplete: true,
    // Signals are the command's own business: the first one saves a checkpoint and the bar goes on meanwhile.
    gracefulExit: false,
  });
  let latest: StepProgress | undefined;
  let downloading = false;

  const afterTheBar = pacedEvaluationNotes((line) => terminal.note(line));

  const draw = (progress: StepProgress): void => {
    if (latest === undefined) bar.start(progress.totalSteps, progress.step, { text: stepLine(progress) });
    else bar.update(progress.step, { text: stepLine(progress) });
    latest = progress;
  };
  const drawDownload = (progress: DownloadProgress): void => {
    if (!downloading) bar.start(progress.total, progress.received, { text: downloadText(progress) });
    else bar.update(progress.received, { text: downloadText(progress) });
    downloading = progress.received < progress.total;
    if (!downloading) bar.stop();
  };
  const above = (write: () => void): void => {
    const interrupted = latest;
    bar.stop();
    downloading = false;
    write();
    latest = undefined;
    if (interrupted !== undefined && interrupted.step < interrupted.totalSteps) draw(interrupted);
  };

  return {
    events: {
      onStart: (summary) => summary.forEach((line) => terminal.note(line)),
      onStep: draw,
      onEvaluation: (result) => above(() => terminal.note(evaluationLine(result))),
      onEvaluationProgress: (progress, subject) => {
        if (latest === undefined) afterTheBar(progress, subject);
        else bar.update(latest.step, { text: evaluationProgressText(progress, subject) });
      },
      onDownload: drawDownload,
      onMessage: (line) => above(() => terminal.note(line)),
    },
    close: () => {
      const last = latest;
      bar.stop();
      if (last !== undefined) terminal.note(stepLine(last));
      latest = undefined;
    },
  };
}

/** The same, and on stdout one JSON object a line: start, download and step (at most one a second each), evaluation, message. */
function withJsonLines(shown: TrainingDisplay, terminal: Terminal, clock: Clock): TrainingDisplay {
  let next = -Infinity;
  let nextDownload = -Infinity;
  const line = (event: string, content: object): void => terminal.out(JSON.stringify({ event, ...content }));
  return {
    events: {
      onStart: (summary, run) => {
        line('start', { run, summary });
        shown.events.onStart(summary, run);
      },
      onStep: (progress) => {
        shown.events.onStep(progress);
        const now = clock();
        if (now < next && progress.step < progress.totalSteps) return;
        next = now + jsonInterval;
        line('step', progress);
      },
      onEvaluation: (result) => {
        line('evaluation', result);
        shown.events.onEvaluation(result);
      },
      onEvaluationProgress: (progress, subject) => shown.events.onEvaluationProgress(progress, subject),
      onDownload: (progress) => {
        shown.events.onDownload(progress);
        const now = clock();
        if (now < nextDownload && progress.received < progress.total) return;
        nextDownload = now + jsonInterval;
        line('download', progress);
      },
      onMessage: (message) => {
        line('message', { message });
        shown.events.onMessage(message);
      },
    },
    close: () => shown.close(),
  };
}
