/**
 * What TensorBoard is shown of a run: every number of metrics.jsonl and the figures of its evaluations, in an event file of
 * the run's own folder `tensorboard`.
 *
 * The event file is a copy, never a source: whoever begins to train writes a new one from metrics.jsonl and evaluations/ and
 * empties the one before. So a resume neither loses a step nor doubles one, whatever a killed process left. A TensorBoard that
 * is looking goes over to the file with the later name, whose first event tells it to drop what it had. It must find the file
 * it was reading still there, or it never goes over; hence the empty one, which the next writer removes.
 */
import { mkdir, readdir, rename, rm, stat, truncate } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { AppendFile } from '../files/append-file';
import { writeFileAtomically } from '../files/durable-files';
import { encodeEvent, FILE_VERSION, SESSION_START, type Event, type SummaryValue } from '../tensorboard/event';
import { frameOf } from '../tensorboard/frame';
import { levelName } from './metric-names';
import type { MetricRecord } from './metrics-file';

/** An evaluation as it lies in evaluations/. */
export interface LoggedEvaluation {
  readonly protocol: string;
  readonly step: number;
  readonly result: unknown;
}

export interface TensorBoardContents {
  readonly metrics: readonly MetricRecord[];
  readonly evaluations: readonly LoggedEvaluation[];
  /** See `levelName`. */
  readonly firstLevel: number;
}

/** No event file by its name, so that TensorBoard does not begin with it. */
const UNFINISHED = 'unfinished';
const EVENT_FILE = /^events\.out\.tfevents\.(\d+)\./;
/** Of the entries of a result, those that are figures and not knobs. */
const FIGURES = ['top1', 'top5', 'trainTop1', 'trainLoss', 'collapseStd', 'rankMe'];

export class TensorBoardLog {
  private constructor(
    private readonly events: AppendFile,
    private readonly firstLevel: number,
  ) {}

  /**
   * Writes the events anew, in place of what the folder has of them.
   * @throws UserError MIM7001 where the disk is full; the events before are then untouched.
   */
  static async write(folder: string, contents: TensorBoardContents): Promise<TensorBoardLog> {
    await mkdir(folder, { recursive: true });
    const earlier = (await readdir(folder)).filter((name) => EVENT_FILE.test(name));
    const file = path.join(folder, laterName(earlier));
    await writeFileAtomically(path.join(folder, UNFINISHED), allFrames(contents));
    await rename(path.join(folder, UNFINISHED), file);
    for (const name of earlier) await emptyOrRemove(path.join(folder, name));
    // The file is whole: it was written by this process.
    return new TensorBoardLog(new AppendFile(file, async (handle) => (await handle.stat()).size), contents.firstLevel);
  }

  async appendMetrics(record: MetricRecord): Promise<void> {
    await this.append(metricsEvent(record, this.firstLevel));
  }

  async appendEvaluation(evaluation: LoggedEvaluation): Promise<void> {
    await this.append(evaluationEvent(evaluation, Date.now() / 1000));
  }

  close(): Promise<void> {
    return this.events.close();
  }

  private async append(event: Event | undefined): Promise<void> {
    if (event) await this.events.append(frameOf(encodeEvent(event)));
  }
}

async function emptyOrRemove(file: string): Promise<void> {
  if ((await stat(file)).size > 0) await truncate(file);
  else await rm(file, { force: true });
}

/** Later than all that are there in the order of names, by which TensorBoard goes on from file to file. */
function laterName(earlier: readonly string[]): string {
  const times = earlier.map((name) => Number(EVENT_FILE.exec(name)?.[1] ?? 0));
  const time = Math.max(Math.floor(Date.now() / 1000), ...times.map((taken) => taken + 1));
  return `events.out.tfevents.${String(time).padStart(10, '0')}.${os.hostname()}.${process.pid}`;
}

function* allFrames({ metrics, evaluations, firstLevel }: TensorBoardContents): Iterable<Uint8Array> {
  const start = timeOf(metrics[0]) ?? Date.now() / 1000;
  yield frameOf(encodeEvent({ wallTime: start, fileVersion: FILE_VERSION }));
  yield frameOf(encodeEvent({ wallTime: start, step: 0, sessionLog: { status: SESSION_START } }));
  // When an evaluation was made is not kept; it was after the step before it.
  const reached = (step: number) => timeOf(metrics.findLast((record) => Number(record['step']) <= step)) ?? start;
  const events = [...metrics.map((record) => metricsEvent(record, firstLevel)), ...evaluations.map((evaluation) => evaluationEvent(evaluation, reached(evaluation.step)))];
  for (const event of events) if (event) yield frameOf(encodeEvent(event));
}

/** undefined for a record without a step, which has no place on TensorBoard's axis. */
function metricsEvent(record: MetricRecord, firstLevel: number): Event | undefined {
  const { step, time: _time, ...metrics } = record;
  if (typeof step !== 'number') return undefined;
  const value = Object.entries(metrics).flatMap(([name, given]): SummaryValue[] =>
    Array.isArray(given)
      ? given.flatMap((entry: unknown, index) => scalar(`train/${levelName(name, index, given.length, firstLevel)}`, entry))
      : scalar(`train/${name}`, given),
  );
  return { wallTime: timeOf(record) ?? Date.now() / 1000, step, summary: { value } };
}

function evaluationEvent({ protocol, step, result }: LoggedEvaluation, wallTime: number): Event {
  const figures = result as Readonly<Record<string, unknown>>;
  return { wallTime, step, summary: { value: FIGURES.flatMap((figure) => scalar(`evaluation/${protocol}/${figure}`, figures[figure])) } };
}

/** metrics.jsonl has null for every number that is not finite, so here all of them are NaN. */
function scalar(tag: string, value: unknown): SummaryValue[] {
  if (typeof value === 'number') return [{ tag, simpleValue: Number.isFinite(value) ? value : Number.NaN }];
  return value === null ? [{ tag, simpleValue: Number.NaN }] : [];
}

/** Seconds since 1970. */
function timeOf(record: MetricRecord | undefined): number | undefined {
  const milliseconds = Date.parse(String(record?.['time']));
  return Number.isNaN(milliseconds) ? undefined : milliseconds / 1000;
}
