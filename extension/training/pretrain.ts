/** The main job: an experiment file becomes a run directory and is trained; an interrupted run goes on where it was. */
import { resolve as resolvePath } from 'node:path';
import { blaming } from '../core/config/blame';
import { gmacPerImage } from '../core/config/cost';
import { freezeResolved, parseResolved } from '../core/config/freeze';
import { ConfigError, loadExperiment } from '../core/config/load';
import type { Locator } from '../core/config/location';
import { type ResolvedExperiment, engineSchema } from '../core/config/schema';
import { resolvedSummary } from '../core/config/summary';
import type { FetchOptions } from '../core/hub/fetch-weights';
import { UserError } from '../core/problems';
import { collectEnvironment } from '../core/runs/environment';
import { keepBeating } from '../core/runs/heartbeat-thread';
import { RunDirectory } from '../core/runs/run-directory';
import type { SweepMembership } from '../core/sweeps/record';
import { joinState, trainerStateSchema, type TrainerState } from './checkpoint-state';
import { createEngine, trainingEngine, type AskedEngine } from './engines/create';
import type { Engine } from './engines/engine';
import { requireSplit, splitAmong } from './distributed/batch-share';
import type { Task } from './distributed/follow';
import { withRankDevice } from './distributed/rank-device';
import type { Ranks } from './distributed/ranks';
import type { TrainingEvents, TrainingOutcome } from './events';
import { initialStudent } from './initial-student';
import { inputsOf, readInputs, requireSameImages, withPinnedTeacher } from './inputs';
import { learnCodebook } from './learn-codebook';
import { prepare, type Prepared } from './prepare';
import { StopSignal } from './stop-signal';
import { requireRoom } from './teacher-cache-place';
import { describeInt8Error, int8Error } from './teachers/int8';
import { trainRun, type StartingPoint } from './train-run';

interface Watched {
  readonly events?: TrainingEvents;
  readonly signal?: StopSignal;
  /** End as if asked to once this many epochs are done and what is due then is evaluated; the schedule stays that of the whole run. */
  readonly untilEpoch?: number;
  /** The processes that share the training, of which this one leads. */
  readonly ranks?: Ranks;
}

/** A run may be made from a frozen file, as the cell of a sweep is, but tells where that came from. */
export interface CellOrigin {
  /** Absent where it is no cell. */
  readonly membership?: SweepMembership;
  /** The experiment as written, a cell's with the sweep, and its text. */
  readonly experimentFile: string;
  readonly source: string;
}

export interface PretrainOptions extends Watched {
  readonly configFile: string;
  /** Values by dotted key, as `--set masking.ratio=0.5` gives them. */
  readonly overrides?: Readonly<Record<string, string>>;
  readonly name?: string;
  readonly runsFolder?: string;
  /** A remark for the log. */
  readonly note?: string;
  readonly cell?: CellOrigin;
}

export interface ResumeOptions extends Watched {
  /** A run directory. */
  readonly run: string;
  /** Of the checkpoint to start from; absent: the newest good one. */
  readonly step?: number;
}

/**
 * Trains an experiment in a new run directory.
 *
 * @throws ConfigError before anything is written, if the experiment cannot be run; UserError if it fails on the way,
 *   after which the run directory says so and keeps its last checkpoint
 */
export async function pretrain({ configFile, overrides = {}, name, runsFolder, note, cell, untilEpoch, events = {}, signal = new StopSignal(), ranks }: PretrainOptions): Promise<TrainingOutcome> {
  const { resolved: alone, source, isSweep, warnings, locate } = await loadExperiment(configFile, overrides);
  if (isSweep) throw sweepIsMany(configFile, locate);
  const resolved = ranks ? splitAmong(alone, ranks.size, { file: configFile, locate }) : alone;
  const prepared = await prepare({ ...resolved, name: name ?? resolved.name }, { file: configFile, locate }, fetchingOf(events));
  const { experiment } = prepared;
  const inputs = await inputsOf(prepared);
  const experimentFile = resolvePath(cell?.experimentFile ?? configFile);
  const student = await blaming({ file: configFile, locate }, ['init.checkpoint'], () => initialStudent(experiment, fetchingOf(events)));
  const { engine, reason } = await createEngine(await engineConfigOf(experiment, ranks));
  try {
    const codebook = await blaming({ file: configFile, locate }, ['codebook.size', 'codebook', 'method'], () => learnCodebook(prepared, engine));
    await blaming({ file: configFile, locate }, ['teacher.cache.max_gb', 'teacher.cache', 'teacher'], () => requireRoom(prepared, engine.kind));
    const int8 = await int8Error(prepared, engine);
    const resolvedYaml = freezeResolved(experiment);
    const run = await RunDirectory.create(runsFolder === undefined ? experiment.runs : resolvePath(runsFolder), experiment.name, {
      resolvedYaml,
      sourceYaml: cell?.source ?? source,
      environment: {
        ...(await collectEnvironment(experimentFile)),
        ...cell?.membership,
        experimentFile,
        gmacPerImage: gmacPerImage(experiment, prepared.teacher?.shape).step,
        engine: engine.describe(),
        overrides,
        ...inputs,
        ...(codebook && { codebook: codebook.record }),
        ...(int8 && { int8Teacher: int8 }),
        ...ranks?.describe(),
      },
    });
    const release = await hold(run);
    try {
      await ranks?.word<Task>({ config: resolvedYaml, inputs, engine: kindOf(engine), step: 0 });
      const summary = [...(note === undefined ? [] : [note]), ...warnings.map(({ message }) => `Note: ${message}`), ...summaryOf(prepared, ranks), ...(codebook ? [codebook.note] : []), ...(int8 ? [describeInt8Error(int8)] : []), reason];
      return await trainRun({ run, prepared, engine, events, signal, start: { step: 0, given: { ...student, ...codebook?.tensors } }, untilEpoch, summary, ranks });
    } finally {
      await release();
    }
  } finally {
    await engine.dispose();
  }
}

/**
 * Goes on with a run from its newest good checkpoint: same parameters, bit for bit, as if it had never stopped, on the
 * engine and thread count that made the checkpoint, where this machine has them.
 *
 * @throws UserError if the run is being trained, or if its teacher or images are not those it began with; the run stays as it is
 */
export async function resume({ run: folder, step, untilEpoch, events = {}, signal = new StopSignal(), ranks }: ResumeOptions): Promise<TrainingOutcome> {
  const run = await RunDirectory.open(folder);
  // Before anything is read: another process may be writing it.
  const release = await hold(run);
  try {
    const { start, trainer, notes } = await startingPoint(run, step);
    const inputs = await readInputs(run);
    if (!inputs) notes.push('Note: the run does not say with which teacher and images it began; it goes on with those that are there.');
    const config = await run.readConfig();
    const resolved = await withPinnedTeacher(parseResolved(config, run.inside('config.yaml')), inputs, fetchingOf(events));
    if (ranks) requireSplit(resolved, ranks.size);
    const prepared = await prepare(resolved, undefined, fetchingOf(events));
    if (inputs) requireSameImages(inputs, prepared);
    const student = start.values === undefined ? await initialStudent(resolved, fetchingOf(events)) : undefined;
    const { engine, reasons } = await engineAsBefore(await engineConfigOf(resolved, ranks), trainer, ranks);
    try {
      const codebook = start.values === undefined ? await learnCodebook(prepared, engine) : undefined;
      for (const { path } of await run.setAsideCheckpointsAfter(start.step)) notes.push(`Set aside a checkpoint past step ${start.step}: ${path}`);
      await ranks?.word<Task>({ config, inputs, engine: kindOf(engine), step: start.step });
      return await trainRun({ run, prepared, engine, events, signal, start: { ...start, given: { ...student, ...codebook?.tensors } }, untilEpoch, summary: [...summaryOf(prepared, ranks), ...reasons, ...notes], ranks });
    } finally {
      await engine.dispose();
    }
  } finally {
    await release();
  }
}

/** Makes this process the run's trainer and keeps its heart beating, whatever it is busy with; returns what gives the run back. */
async function hold(run: RunDirectory): Promise<() => Promise<void>> {
  await run.lock();
  const stopBeating = keepBeating(run.inside('heartbeat'));
  return async () => {
    await stopBeating();
    await run.close();
  };
}

function fetchingOf({ onDownload, onMessage }: TrainingEvents): FetchOptions {
  return { onProgress: onDownload, onMessage };
}

function sweepIsMany(file: string, locate: Locator): ConfigError {
  const place = locate('sweep', 'key') ?? { file };
  return new ConfigError([{ code: 'MIM1120', severity: 'error', key: 'sweep', ...place, message: 'This experiment has a `sweep` section: it is many runs, not one.', hint: `Run them with \`mim sweep ${file}\`, or one without it: \`--set sweep=\`.` }]);
}

interface ResumePoint {
  readonly start: StartingPoint;
  /** What the checkpoint says of its making; absent where there is none. */
  readonly trainer?: TrainerState;
  readonly notes: string[];
}

/** The checkpoint of `step`, or the newest that verifies; step 0 where there is none yet. */
async function startingPoint(run: RunDirectory, step: number | undefined): Promise<ResumePoint> {
  const notes: string[] = [];
  const info = step !== undefined ? await run.checkpointAt(step) : await run.latestGoodCheckpoint((error) => notes.push(`Passed over a damaged checkpoint: ${error.message}`));
  if (!info) return { start: { step: 0 }, notes: [...notes, 'There is no checkpoint yet: the run starts from its beginning.'] };
  const contents = await run.readCheckpoint(info);
  const parsed = trainerStateSchema.safeParse(contents.stateJson);
  if (!parsed.success) throw new UserError('MIM7202', `${info.path}/state.json does not say where the run was.`, 'Remove this checkpoint folder to resume from the one before it.');
  const trainer = parsed.data;
  notes.push(`Resumed from step ${trainer.step} (${info.path}).`);
  return { start: { step: trainer.step, values: joinState(contents), throughput: trainer.throughput }, trainer, notes };
}

/** The engine that made the checkpoint, or the experiment's where that one cannot be had or needs more cores than a rank has. */
async function engineAsBefore(asked: AskedEngine, trainer: TrainerState | undefined, ranks: Ranks | undefined): Promise<{ engine: Engine; reasons: string[] }> {
  const kind = engineSchema.shape.kind.unwrap().safeParse(trainer?.engine).data;
  if (!trainer || kind === undefined) return openAsked(asked);
  const maker = `${kind} with ${threadsText(trainer.threads)}`;
  const differently = async (why: string): Promise<{ engine: Engine; reasons: string[] }> => {
    const { engine, reasons } = await openAsked(asked);
    const other = `${engine.kind} with ${threadsText(engine.threads)}`;
    return { engine, reasons: [...reasons, `Note: the checkpoint was made by ${maker}, ${why}, and goes on with ${other}; the last digits may differ from an uninterrupted run.`] };
  };
  if (ranks && trainer.threads > ranks.threads) return differently('more than a rank has cores');
  try {
    const { engine } = await createEngine({ ...asked, kind, threads: trainer.threads });
    return { engine, reasons: [`The checkpoint was made by ${maker} and goes on so.`] };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return differently('which does not start here');
  }
}

async function openAsked(asked: AskedEngine): Promise<{ engine: Engine; reasons: string[] }> {
  const { engine, reason } = await createEngine(asked);
  return { engine, reasons: [reason] };
}

function threadsText(threads: number): string {
  return threads === 1 ? '1 thread' : `${threads} threads`;
}

/** Ranks on one machine share its cores and its GPUs. */
function engineConfigOf(experiment: ResolvedExperiment, ranks: Ranks | undefined): Promise<AskedEngine> {
  const asked = trainingEngine(experiment);
  return withRankDevice(ranks && asked.threads === 0 ? { ...asked, threads: ranks.threads } : asked, ranks);
}

/** As every other rank is to open it. */
function kindOf({ kind, threads }: Engine): Task['engine'] {
  return { kind: engineSchema.shape.kind.unwrap().parse(kind), threads };
}

function summaryOf(prepared: Prepared, ranks: Ranks | undefined): string[] {
  const { init } = prepared.experiment;
  return [...prepared.notes, ...(ranks ? [ranks.summary()] : []), ...(init ? [`The student starts from ${init.checkpoint}`] : []), ...resolvedSummary(prepared.experiment, { imageCount: prepared.train.length, teacher: prepared.teacher?.shape })];
}
