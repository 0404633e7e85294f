/**
 * The run directory: the one contract between training and everything that shows it.
 *
 *   config.yaml (resolved)  source.yaml (as written)  environment.json
 *   status.json (atomic)    heartbeat                 log.txt           lock
 *   metrics.jsonl           append-only
 *   alignment.jsonl         append-only, where levels are mixed
 *   tensorboard/            a copy of metrics and evaluations, where it is asked for
 *   samples/                pictures
 *   checkpoints/step-000123/
 *   evaluations/<protocol>-<step>.json
 *   diagnostics/step-<step>.json
 *   request-stop, request-checkpoint, request-pause   what someone asks of the trainer
 *
 * Readers never write in it. A writer holds the lock.
 */
import { appendFile, mkdir, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import {
  latestGoodCheckpoint, listCheckpoints, readCheckpoint, removeCheckpoint, removeUnfinished, saveCheckpoint, setAsideCheckpointsAfter,
  type CheckpointContents, type CheckpointInfo, type SetAside,
} from '../checkpoints/checkpoint-folder';
import { errorCode, explainWriteError, isTemporaryName, writeFileAtomically } from '../files/durable-files';
import { UserError } from '../problems';
import { MetricsFile, readMetrics, type MetricRecord } from './metrics-file';
import { thisProcess } from './processes';
import { prunable, type KeepPolicy } from './prune-checkpoints';
import { acquireLock, type Unlock } from './run-lock';
import { findStatus, modifiedAt, runState } from './run-state';
import type { RunState, RunStatus } from './run-status';
import type { TensorBoardLog } from './tensorboard-log';

export interface RunSources {
  /** The experiment as resolved, which is what the run trains. */
  readonly resolvedYaml: string;
  /** The experiment as the user wrote it. */
  readonly sourceYaml: string;
  /** See environment.ts. */
  readonly environment: object;
}

export interface EvaluationRecord {
  readonly protocol: string;
  readonly step: number;
  readonly result: unknown;
}

const STOP_REQUEST = 'request-stop';
const CHECKPOINT_REQUEST = 'request-checkpoint';
const PAUSE_REQUEST = 'request-pause';
const FOLDERS = ['checkpoints', 'evaluations', 'samples'];
const PLAIN_NAME = /^(?!\.)[\w.-]+$/;

export class RunDirectory {
  readonly id: string;
  private readonly metrics: MetricsFile;
  private readonly alignment: MetricsFile;
  private tensorBoard: TensorBoardLog | undefined;
  private unlock: Unlock | undefined;

  private constructor(readonly path: string) {
    this.id = path.split(/[\\/]/).at(-1)!;
    this.metrics = new MetricsFile(this.inside('metrics.jsonl'));
    this.alignment = new MetricsFile(this.inside('alignment.jsonl'));
  }

  /**
   * Makes a new run under a name no other has: `name`, or `name-2`, `name-3`, … The caller then locks it.
   * @throws UserError MIM7001 (disk full), MIM7002 (not permitted), MIM7102 (a name that cannot be a folder's).
   */
  static async create(runsFolder: string, name: string, sources: RunSources): Promise<RunDirectory> {
    if (!PLAIN_NAME.test(name)) throw new UserError('MIM7102', `a run cannot be named ${JSON.stringify(name)}`, 'Use letters, digits, `.`, `-` and `_`.');
    const run = new RunDirectory(await makeUniqueFolder(path.resolve(runsFolder), name));
    for (const folder of FOLDERS) await mkdir(run.inside(folder));
    await writeFileAtomically(run.inside('source.yaml'), sources.sourceYaml);
    await writeFileAtomically(run.inside('environment.json'), json(sources.environment));
    await run.beat();
    await run.writeStatus({});
    // Last: a folder with a config.yaml is a run.
    await writeFileAtomically(run.inside('config.yaml'), sources.resolvedYaml);
    return run;
  }

  /** @throws UserError MIM7103 where `folder` is not a run directory. */
  static async open(folder: string): Promise<RunDirectory> {
    const run = new RunDirectory(path.resolve(folder));
    if (!(await isRun(run.path))) throw new UserError('MIM7103', `${folder} is not a run directory: it has no config.yaml`, '`mim runs` lists the runs.');
    return run;
  }

  inside(...names: readonly string[]): string {
    return path.join(this.path, ...names);
  }

  /**
   * Makes this process the one that trains here, and clears what an interrupted one left: unfinished checkpoints, a torn
   * last metrics line, requests meant for it.
   * @throws UserError MIM7101 where another process trains here.
   */
  async lock(): Promise<void> {
    this.unlock = await acquireLock(this.inside('lock'), this.inside('heartbeat'));
    for (const request of [STOP_REQUEST, CHECKPOINT_REQUEST, PAUSE_REQUEST]) await rm(this.inside(request), { force: true });
    for (const folder of ['.', 'evaluations', 'diagnostics', 'samples', 'tensorboard']) await removeTemporaries(this.inside(folder));
    await removeUnfinished(this.inside('checkpoints'));
    await this.metrics.repair();
  }

  /** Gives the run back; files are closed. */
  async close(): Promise<void> {
    await this.metrics.close();
    await this.alignment.close();
    await this.tensorBoard?.close();
    this.tensorBoard = undefined;
    await this.unlock?.();
    this.unlock = undefined;
  }

  /** The experiment as resolved. */
  readConfig(): Promise<string> {
    return readFile(this.inside('config.yaml'), 'utf8');
  }

  // Status and heartbeat

  /** Changes the given entries; process, host and time of the change are filled in. */
  async writeStatus(patch: Partial<RunStatus>): Promise<void> {
    const now = new Date().toISOString();
    const fresh = { state: 'running', startedAt: now, step: 0, totalSteps: 0, epoch: 0, totalEpochs: 0 } as const;
    const status: RunStatus = { ...fresh, ...(await findStatus(this.path)), ...(await thisProcess()), ...patch, updatedAt: now };
    await writeFileAtomically(this.inside('status.json'), json(status));
  }

  /** @throws UserError MIM7104 where status.json is absent or unreadable. */
  async readStatus(): Promise<RunStatus> {
    const status = await findStatus(this.path);
    if (status === undefined) throw new UserError('MIM7104', `${this.inside('status.json')} is absent or damaged`, 'Resuming the run writes it anew.');
    return status;
  }

  /** Says that the trainer lives. The file's time is what counts; its content is for humans. */
  async beat(): Promise<void> {
    const file = this.inside('heartbeat');
    const now = new Date();
    try {
      await utimes(file, now, now);
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw error;
      await writeFile(file, `beats of process ${process.pid}\n`).catch((cause: unknown) => {
        throw explainWriteError(cause, file);
      });
    }
  }

  /** What a reader makes of status.json and the heartbeat. */
  state(): Promise<RunState> {
    return runState(this.path);
  }

  /** Adds a line, with the time, to log.txt. */
  async log(line: string): Promise<void> {
    const file = this.inside('log.txt');
    await appendFile(file, `${new Date().toISOString()} ${line}\n`).catch((error: unknown) => {
      throw explainWriteError(error, file);
    });
  }

  // Metrics

  async appendMetrics(record: MetricRecord): Promise<void> {
    await this.metrics.append(record);
    await this.tensorBoard?.appendMetrics(record);
  }

  readMetrics(): Promise<MetricRecord[]> {
    return readMetrics(this.inside('metrics.jsonl'));
  }

  /** On resuming from `step`: what was recorded past it will be recorded again. */
  async truncateMetricsAfter(step: number): Promise<void> {
    await this.metrics.truncateAfter(step);
    // Written anew only where there is one: few methods mix levels.
    if ((await modifiedAt(this.inside('alignment.jsonl'))) !== undefined) await this.alignment.truncateAfter(step);
  }

  /**
   * With the lock held: from now on TensorBoard is shown what is recorded, and what was up to `step`; see tensorboard-log.ts.
   * @param firstLevel see `firstLossLevel`
   */
  async showInTensorBoard(step: number, firstLevel: number): Promise<void> {
    await this.tensorBoard?.close();
    const evaluations = (await this.readEvaluations()).filter((evaluation) => evaluation.step <= step);
    // Its messages are set up only where somebody wants them.
    const { TensorBoardLog } = await import('./tensorboard-log');
    this.tensorBoard = await TensorBoardLog.write(this.inside('tensorboard'), { metrics: await this.readMetrics(), evaluations, firstLevel });
  }

  /** For evaluations that no training made: TensorBoard is shown them too. Where one trains, its resume does that. */
  async refreshTensorBoard(firstLevel: number): Promise<void> {
    let unlock: Unlock;
    try {
      unlock = await acquireLock(this.inside('lock'), this.inside('heartbeat'));
    } catch (error) {
      if (error instanceof UserError && error.code === 'MIM7101') return;
      throw error;
    }
    try {
      await this.showInTensorBoard(Infinity, firstLevel);
    } finally {
      await this.tensorBoard?.close();
      this.tensorBoard = undefined;
      await unlock();
    }
  }

  /** The alignment weights after a step: a row for each teacher level, a column for each student level. */
  appendAlignment(record: { readonly step: number; readonly weights: readonly (readonly number[])[] }): Promise<void> {
    return this.alignment.append(record);
  }

  // Checkpoints

  /** @throws UserError MIM7001 where the disk is full; earlier checkpoints are untouched. */
  async saveCheckpoint(contents: CheckpointContents): Promise<CheckpointInfo> {
    // A checkpoint never knows more than the metrics on disk.
    await this.metrics.sync();
    return saveCheckpoint(this.inside('checkpoints'), contents);
  }

  /** Those written to the end, by step; not verified. */
  listCheckpoints(): Promise<CheckpointInfo[]> {
    return listCheckpoints(this.inside('checkpoints'));
  }

  /** @throws UserError MIM7203 where the run has none of this step. */
  async checkpointAt(step: number): Promise<CheckpointInfo> {
    const all = await this.listCheckpoints();
    const found = all.find((info) => info.step === step);
    if (found === undefined) throw new UserError('MIM7203', `${this.path} has no checkpoint of step ${step}`, `It has those of step ${all.map((info) => info.step).join(', ') || '(none)'}.`, 4);
    return found;
  }

  /** @throws UserError MIM7201 that names the damaged file. */
  readCheckpoint(info: CheckpointInfo): Promise<CheckpointContents> {
    return readCheckpoint(info);
  }

  /** The newest that verifies; `onDamaged` is told of those passed over. */
  latestGoodCheckpoint(onDamaged?: (error: UserError) => void): Promise<CheckpointInfo | undefined> {
    return latestGoodCheckpoint(this.inside('checkpoints'), onDamaged);
  }

  /**
   * On resuming from `step`, with the lock held: what lies past it (damaged, or it would have been resumed from) steps
   * aside under another name, which no list has; returns what moved. Nothing is deleted.
   */
  setAsideCheckpointsAfter(step: number): Promise<SetAside[]> {
    return setAsideCheckpointsAfter(this.inside('checkpoints'), step);
  }

  /** Removes what the policy does not keep, never what was saved last; returns what was removed. */
  async pruneCheckpoints(policy: KeepPolicy): Promise<CheckpointInfo[]> {
    const removed = prunable(await this.listCheckpoints(), policy);
    for (const info of removed) await removeCheckpoint(info);
    return removed;
  }

  // Evaluations and samples

  async writeEvaluation(protocol: string, step: number, result: unknown): Promise<void> {
    await writeFileAtomically(this.inside('evaluations', `${plain(protocol)}-${step}.json`), json(result));
    await this.tensorBoard?.appendEvaluation({ protocol, step, result });
  }

  /**
   * By step, then protocol.
   * @param onDamaged is told of each file that was passed over.
   */
  async readEvaluations(onDamaged?: (error: UserError) => void): Promise<EvaluationRecord[]> {
    const records: EvaluationRecord[] = [];
    for (const name of await namesIn(this.inside('evaluations'))) {
      const parts = /^([\w.-]+)-(\d+)\.json$/.exec(name);
      if (parts === null || name.startsWith('.')) continue;
      const file = this.inside('evaluations', name);
      try {
        records.push({ protocol: parts[1]!, step: Number(parts[2]), result: JSON.parse(await readFile(file, 'utf8')) as unknown });
      } catch {
        onDamaged?.(new UserError('MIM7104', `${file} is absent or damaged`, 'Remove it; `mim evaluate` makes it anew.'));
      }
    }
    return records.sort((a, b) => a.step - b.step || a.protocol.localeCompare(b.protocol));
  }

  /** Whether what the levels do at a step was looked at. */
  async hasDiagnostics(step: number): Promise<boolean> {
    return (await modifiedAt(this.inside('diagnostics', `step-${step}.json`))) !== undefined;
  }

  /** What was found of the student of a step. */
  async writeDiagnostics(step: number, found: unknown): Promise<void> {
    await mkdir(this.inside('diagnostics'), { recursive: true });
    await writeFileAtomically(this.inside('diagnostics', `step-${step}.json`), json(found));
  }

  /** A picture, such as `masks-000100.png`, in samples/. */
  async writeSample(name: string, bytes: Uint8Array): Promise<void> {
    await writeFileAtomically(this.inside('samples', plain(name)), [bytes]);
  }

  // Requests

  /** Asks the trainer, whatever process it is, to save a checkpoint and end; it looks between steps. */
  async requestStop(): Promise<void> {
    await this.leaveRequest(STOP_REQUEST);
  }

  /** The trainer's side; stays true until the run is locked again. */
  async stopRequested(): Promise<boolean> {
    return (await modifiedAt(this.inside(STOP_REQUEST))) !== undefined;
  }

  /** Asks the trainer to save a checkpoint and go on. */
  async requestCheckpoint(): Promise<void> {
    await this.leaveRequest(CHECKPOINT_REQUEST);
  }

  /** The trainer's side: whether a checkpoint was asked for since the last call. */
  async takeCheckpointRequest(): Promise<boolean> {
    return rm(this.inside(CHECKPOINT_REQUEST)).then(() => true, () => false);
  }

  /** Asks the trainer to save a checkpoint and wait. */
  async requestPause(): Promise<void> {
    await this.leaveRequest(PAUSE_REQUEST);
  }

  /** Lets a paused trainer go on. */
  async withdrawPause(): Promise<void> {
    await rm(this.inside(PAUSE_REQUEST), { force: true });
  }

  /** The trainer's side. */
  async pauseRequested(): Promise<boolean> {
    return (await modifiedAt(this.inside(PAUSE_REQUEST))) !== undefined;
  }

  private async leaveRequest(name: string): Promise<void> {
    await writeFileAtomically(this.inside(name), `${new Date().toISOString()}\n`);
  }
}

export async function isRun(folder: string): Promise<boolean> {
  return stat(path.join(folder, 'config.yaml')).then((found) => found.isFile(), () => false);
}

/** `mkdir` fails where the name is taken, so two processes never share a run. */
async function makeUniqueFolder(runsFolder: string, name: string): Promise<string> {
  try {
    await mkdir(runsFolder, { recursive: true });
    for (let number = 1; ; number++) {
      const folder = path.join(runsFolder, number === 1 ? name : `${name}-${number}`);
      try {
        await mkdir(folder);
        return folder;
      } catch (error) {
        if (errorCode(error) !== 'EEXIST') throw error;
      }
    }
  } catch (error) {
    throw explainWriteError(error, runsFolder);
  }
}

async function removeTemporaries(folder: string): Promise<void> {
  for (const name of (await namesIn(folder)).filter(isTemporaryName)) await rm(path.join(folder, name), { force: true });
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}

/** Names become files: nothing that leads elsewhere. */
function plain(name: string): string {
  if (!PLAIN_NAME.test(name)) throw new RangeError(`${JSON.stringify(name)} is not a plain file name`);
  return name;
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
