/** What a run directory says of itself, gathered for `mim runs` and `mim inspect`. */
import { parseResolved } from '../core/config/freeze';
import type { ResolvedExperiment } from '../core/config/schema';
import { RunDirectory } from '../core/runs/run-directory';
import type { RunState, RunStatus } from '../core/runs/run-status';
import { bytes, duration, percent, rate, significant } from './format';
import { tableLines } from './table';
import type { Terminal } from './terminal';

/** One evaluation of the run, as far as lists show it. */
export interface RunEvaluation {
  readonly protocol: string;
  readonly step: number;
  /** `student`, `ema-student`, `random`, `teacher`. */
  readonly subject: string;
  readonly features: string;
  /** Share of the test images, 0–1. */
  readonly top1: number;
}

export interface RunReport {
  readonly id: string;
  readonly path: string;
  readonly state: RunState;
  /** Absent where status.json is damaged. */
  readonly status?: RunStatus;
  /** Absent where config.yaml is damaged. */
  readonly method?: ResolvedExperiment['method'];
  readonly checkpoints: readonly { readonly path: string; readonly step: number; readonly epoch: number; readonly bytes: number; readonly createdAt: string }[];
  readonly evaluations: readonly RunEvaluation[];
}

export async function inspectRun(path: string): Promise<RunReport> {
  const run = await RunDirectory.open(path);
  const checkpoints = (await run.listCheckpoints()).map(({ path: folder, step, epoch, createdAt, files }) => ({
    path: folder,
    step,
    epoch,
    createdAt,
    bytes: Object.values(files).reduce((sum, file) => sum + file.bytes, 0),
  }));
  return {
    id: run.id,
    path: run.path,
    state: await run.state(),
    status: await run.readStatus().catch(() => undefined),
    method: await methodOf(run),
    checkpoints,
    evaluations: (await run.readEvaluations()).flatMap(({ protocol, step, result }) => evaluationOf(protocol, step, result)),
  };
}

/** The student's highest accuracy, of whatever protocol. */
export function bestProbe(evaluations: readonly RunEvaluation[]): RunEvaluation | undefined {
  const students = evaluations.filter(({ subject }) => subject === 'student' || subject === 'ema-student');
  return students.toSorted((a, b) => b.top1 - a.top1)[0];
}

async function methodOf(run: RunDirectory): Promise<ResolvedExperiment['method'] | undefined> {
  try {
    return parseResolved(await run.readConfig()).method;
  } catch {
    return undefined;
  }
}

function evaluationOf(fileProtocol: string, step: number, result: unknown): RunEvaluation[] {
  if (typeof result !== 'object' || result === null) return [];
  const written = result as { [key in keyof RunEvaluation]?: unknown };
  if (typeof written.top1 !== 'number') return [];
  return [{ protocol: String(written.protocol ?? fileProtocol), step, subject: String(written.subject ?? 'student'), features: String(written.features ?? ''), top1: written.top1 }];
}

export function printRun(terminal: Terminal, run: RunReport): void {
  const { status } = run;
  terminal.out(`${run.path}: ${run.method ?? 'unknown method'}, ${run.state}`);
  if (status !== undefined) {
    const lasted = (Date.parse(status.updatedAt) - Date.parse(status.startedAt)) / 1000;
    terminal.out(`  step ${status.step} of ${status.totalSteps}, epoch ${status.epoch.toFixed(1)} of ${status.totalEpochs.toFixed(1)}, loss ${typeof status.loss === 'number' ? significant(status.loss) : '–'}, ${rate(status.imagesPerSecond ?? NaN)} images/s`);
    terminal.out(`  on ${status.host}, started ${status.startedAt}, last heard of ${status.updatedAt} (${duration(lasted)} later)`);
    if (status.message !== undefined) terminal.out(`  ${status.message}`);
  }
  terminal.out('');
  const checkpoints = run.checkpoints.map(({ step, epoch, bytes: size, createdAt, path }) => [String(step), epoch.toFixed(1), bytes(size), createdAt, path]);
  for (const line of tableLines(['checkpoint', 'epoch', 'size', 'saved', 'path'], checkpoints, ['right', 'right', 'right'])) terminal.out(line);
  if (run.evaluations.length === 0) return;
  terminal.out('');
  const evaluations = run.evaluations.map(({ subject, protocol, features, step, top1 }) => [subject, protocol, features, String(step), percent(top1)]);
  for (const line of tableLines(['subject', 'protocol', 'features', 'step', 'top-1'], evaluations, ['left', 'left', 'left', 'right', 'right'])) terminal.out(line);
}
