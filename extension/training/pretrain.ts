/** The main job: an experiment file becomes a run directory and is trained; an interrupted run goes on where it was. */
import { resolve as resolvePath } from 'node:path';
import { freezeResolved, parseResolved } from '../core/config/freeze';
import { loadExperiment } from '../core/config/load';
import { resolvedSummary } from '../core/config/summary';
import { UserError } from '../core/problems';
import { collectEnvironment } from '../core/runs/environment';
import { RunDirectory } from '../core/runs/run-directory';
import { joinState, trainerStateSchema } from './checkpoint-state';
import { createEngine } from './engines/create';
import type { TrainingEvents, TrainingOutcome } from './events';
import { prepare, type Prepared } from './prepare';
import { StopSignal } from './stop-signal';
import { trainRun, type StartingPoint } from './train-run';

interface Watched {
  readonly events?: TrainingEvents;
  readonly signal?: StopSignal;
}

export interface PretrainOptions extends Watched {
  readonly configFile: string;
  /** Values by dotted key, as `--set masking.ratio=0.5` gives them. */
  readonly overrides?: Readonly<Record<string, string>>;
  readonly name?: string;
  readonly runsFolder?: string;
}

export interface ResumeOptions extends Watched {
  /** A run directory. */
  readonly run: string;
}

/**
 * Trains an experiment in a new run directory.
 *
 * @throws ConfigError before anything is written, if the experiment cannot be run; UserError if it fails on the way,
 *   after which the run directory says so and keeps its last checkpoint
 */
export async function pretrain({ configFile, overrides = {}, name, runsFolder, events = {}, signal = new StopSignal() }: PretrainOptions): Promise<TrainingOutcome> {
  const { resolved, source, warnings, locate } = await loadExperiment(configFile, overrides);
  const prepared = await prepare({ ...resolved, name: name ?? resolved.name }, { file: configFile, locate });
  const { experiment } = prepared;
  const { engine, reason } = await createEngine(experiment.engine);
  try {
    const run = await RunDirectory.create(runsFolder === undefined ? experiment.runs : resolvePath(runsFolder), experiment.name, {
      resolvedYaml: freezeResolved(experiment),
      sourceYaml: source,
      environment: { ...(await collectEnvironment(configFile)), engine: engine.describe(), overrides },
    });
    const start: StartingPoint = { step: 0 };
    return await trainRun({ run, prepared, engine, events, signal, start, summary: [...warnings.map(({ message }) => `Note: ${message}`), ...summaryOf(prepared), reason] });
  } finally {
    await engine.dispose();
  }
}

/**
 * Goes on with a run from its newest good checkpoint: same parameters, bit for bit, as if it had never stopped, on the
 * same engine and thread count.
 */
export async function resume({ run: folder, events = {}, signal = new StopSignal() }: ResumeOptions): Promise<TrainingOutcome> {
  const run = await RunDirectory.open(folder);
  const resolved = parseResolved(await run.readConfig(), run.inside('config.yaml'));
  const prepared = await prepare(resolved);
  const { engine, reason } = await createEngine(resolved.engine);
  try {
    const { start, notes } = await startingPoint(run, engine);
    return await trainRun({ run, prepared, engine, events, signal, start, summary: [...summaryOf(prepared), reason, ...notes] });
  } finally {
    await engine.dispose();
  }
}

/** The newest checkpoint that verifies; step 0 where there is none yet. */
async function startingPoint(run: RunDirectory, engine: { kind: string; threads: number }): Promise<{ start: StartingPoint; notes: string[] }> {
  const notes: string[] = [];
  const info = await run.latestGoodCheckpoint((error) => notes.push(`Passed over a damaged checkpoint: ${error.message}`));
  if (!info) return { start: { step: 0 }, notes: [...notes, 'There is no checkpoint yet: the run starts from its beginning.'] };
  const contents = await run.readCheckpoint(info);
  const parsed = trainerStateSchema.safeParse(contents.stateJson);
  if (!parsed.success) throw new UserError('MIM8003', `${info.path}/state.json does not say where the run was.`, 'Remove this checkpoint folder to resume from the one before it.');
  const trainer = parsed.data;
  notes.push(`Resumed from step ${trainer.step} (${info.path}).`);
  if (trainer.engine !== engine.kind || trainer.threads !== engine.threads) {
    notes.push(`Note: the checkpoint was made by ${trainer.engine} with ${trainer.threads} threads and goes on with ${engine.kind} and ${engine.threads}; the last digits may differ from an uninterrupted run.`);
  }
  return { start: { step: trainer.step, values: joinState(contents), throughput: trainer.throughput }, notes };
}

function summaryOf(prepared: Prepared): string[] {
  return [...prepared.notes, ...resolvedSummary(prepared.experiment, { imageCount: prepared.train.length, teacher: prepared.teacher?.shape })];
}
