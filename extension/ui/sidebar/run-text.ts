/** A run in words. */
import { bestProbe } from '../../core/runs/run-report';
import type { LibraryRun } from '../../core/library/library-run';
import type { RunDisplayState } from '../../core/protocol/dashboard';
import { duration, percent, significant } from '../../core/text/format';

const BETWEEN = ' · ';

export function joined(parts: readonly (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined && part !== '').join(BETWEEN);
}

/** 0–1; undefined where it is not known. */
export function progressOf({ status }: LibraryRun): number | undefined {
  return status === undefined || status.totalSteps <= 0 ? undefined : Math.min(1, status.step / status.totalSteps);
}

/** `45 %`, rounded down: what is not done is not called so. */
export function wholePercent(share: number): string {
  return `${Math.floor(100 * share)} %`;
}

/** The first steps of a training also build its programs: their speed says nothing. */
const STEPS_TO_SPEED = 10;

/** Seconds to the end of training at its present speed; undefined where that is not known. */
export function secondsLeft({ status, config }: LibraryRun): number | undefined {
  if (status !== undefined && status.step < STEPS_TO_SPEED) return undefined;
  if (status?.imagesPerSecond === undefined || !(status.imagesPerSecond > 0) || config === undefined) return undefined;
  return Math.max(0, ((status.totalSteps - status.step) * config.optimizer.batch_size) / status.imagesPerSecond);
}

/** What is most worth knowing in its state, behind its name. */
export function describeRun(run: LibraryRun): string {
  return joined([run.marks.starred ? '★' : undefined, stateWords(run), probeWords(run), lossWords(run), tagWords(run)]);
}

/** The icon's meaning has to be read out too. */
export function speakRun(run: LibraryRun): string {
  return [run.name, run.state === 'external' ? madeBy(run) : run.state, stateWords(run), probeWords(run), lossWords(run), run.marks.starred ? 'starred' : undefined, ...run.marks.tags]
    .filter((part, index, all) => part !== undefined && all.indexOf(part) === index)
    .join(', ');
}

function stateWords(run: LibraryRun): string | undefined {
  const progress = progressOf(run);
  const at = progress === undefined ? '' : ` at ${wholePercent(progress)}`;
  switch (run.state) {
    case 'running': {
      const left = secondsLeft(run);
      return joined([progress === undefined ? 'starting' : wholePercent(progress), left === undefined ? undefined : `${duration(left)} left`]);
    }
    case 'finished':
      return undefined;
    case 'external':
      return madeBy(run);
    default:
      return `${run.state}${at}`;
  }
}

export function probeWords(run: LibraryRun): string | undefined {
  const best = bestProbe(run.evaluations);
  return best && `${best.protocol} ${percent(best.top1)}`;
}

function lossWords(run: LibraryRun): string | undefined {
  const loss = lossOf(run);
  return loss === undefined ? undefined : `loss ${significant(loss)}`;
}

/** The latest. */
export function lossOf({ status, last }: LibraryRun): number | undefined {
  return status?.loss ?? last?.loss;
}

function tagWords({ marks }: LibraryRun): string | undefined {
  return marks.tags.map((tag) => `#${tag}`).join(' ');
}

const makers: Record<LibraryRun['origin'], string> = { mim: 'MIM Lab', 'mae-log': 'log.txt', tensorboard: 'TensorBoard', csv: 'CSV' };

export function madeBy({ origin }: LibraryRun): string {
  return makers[origin];
}

interface Symbol {
  readonly icon: string;
  readonly color?: string;
}

/** Shapes differ as well as colours. */
export const stateSymbols: Record<RunDisplayState, Symbol> = {
  running: { icon: 'sync~spin', color: 'charts.blue' },
  paused: { icon: 'debug-pause', color: 'charts.yellow' },
  finished: { icon: 'pass', color: 'charts.green' },
  stopped: { icon: 'debug-stop', color: 'charts.orange' },
  failed: { icon: 'error', color: 'charts.red' },
  lost: { icon: 'question', color: 'charts.orange' },
  external: { icon: 'link-external' },
};
