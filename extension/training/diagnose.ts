/** Diagnostics of a checkpoint of a run, or of any weight file, on the images of an experiment. */
import path from 'node:path';
import { MODEL_FILE, type CheckpointInfo } from '../core/checkpoints/checkpoint-folder';
import { inFloat32 } from '../core/config/engine-traits';
import { resolveWeights } from '../core/checkpoints/find-weights';
import { importTeacher } from '../core/checkpoints/import-teacher';
import type { ResolvedExperiment } from '../core/config/schema';
import { localWeights, type FetchOptions } from '../core/hub/fetch-weights';
import { hidesPatches } from '../core/config/method-traits';
import { UserError } from '../core/problems';
import { readDiagnostics, type Diagnostics } from '../core/runs/diagnostics';
import type { RunDirectory } from '../core/runs/run-directory';
import type { NamedTensors } from '../core/tensors';
import { joinState } from './checkpoint-state';
import { Diagnosis } from './diagnosis';
import { createEngine } from './engines/create';
import type { Engine } from './engines/engine';
import { enclosingRun, experimentOf, stepOf, withTeacherOf } from './evaluate';
import { openTrainingImages, teacherOf } from './prepare';

export interface DiagnoseOptions {
  /** A run directory (its newest good checkpoint), a checkpoint's folder, or a weight file. */
  readonly target: string;
  /** Of the training images, drawn by `data.seed`: the same for every checkpoint of an experiment. */
  readonly images: number;
  /** Also the loss by mask ratio, of a run's own checkpoint. */
  readonly ratios?: boolean;
  /** Whose images are used; needed where the target is not inside a run. */
  readonly configFile?: string;
  readonly overrides?: Readonly<Record<string, string>>;
  readonly onMessage?: (line: string) => void;
  readonly onDownload?: FetchOptions['onProgress'];
}

/** Diagnoses; the diagnostics of a run's own checkpoint on its own images are kept in that run. */
export async function diagnoseRun({ images, ratios = false, onMessage, onDownload, ...options }: DiagnoseOptions): Promise<Diagnostics> {
  const fetching = { onMessage, onProgress: onDownload };
  const run = await enclosingRun(options.target);
  const { experiment, origin, isOwn } = await experimentOf(options, run);
  const file = await resolveWeights(await localWeights(options.target, fetching));
  const own = run && isOwn ? await checkpointOf(run, file) : undefined;
  if (ratios) requireLoss(file, own, experiment);
  const source = await openTrainingImages(experiment, origin);
  const teacher = await teacherOf(await withTeacherOf(run, isOwn, experiment, fetching), fetching);
  const { engine } = await createEngine(inFloat32(experiment.engine));
  try {
    const diagnosis = await Diagnosis.open({ engine, experiment, source, images, teacher });
    onMessage?.(`Diagnosing ${file}`);
    if (!run || !own) return await diagnosis.ofWeights(await importTeacher(file), run ? 'student' : 'checkpoint', stepOf(file));
    const found = await ofCheckpoint(diagnosis, engine, joinState(await run.readCheckpoint(own)), own.step, ratios);
    await run.writeDiagnostics(found.step, await withEarlierRatios(run, found));
    return found;
  } finally {
    await engine.dispose();
  }
}

/** The run's checkpoint whose student `file` is; undefined where it is another file. */
async function checkpointOf(run: RunDirectory, file: string): Promise<CheckpointInfo | undefined> {
  return (await run.listCheckpoints()).find((info) => path.resolve(file) === path.join(info.path, MODEL_FILE));
}

/** @throws UserError MIM6202 where only the weights of the student are known, or the method has no mask */
function requireLoss(file: string, own: CheckpointInfo | undefined, { method }: ResolvedExperiment): void {
  if (!hidesPatches(method)) throw new UserError('MIM6202', `\`method: ${method}\` hides nothing, so there is no loss by mask ratio.`, 'Leave out --ratios.', 2);
  if (!own) throw new UserError('MIM6202', `${file} is not a checkpoint of a run on its own experiment, and the student alone has no loss.`, 'Name a run or one of its checkpoints, without --config and --set, or leave out --ratios.', 2);
}

/** With the state that the training had there. */
async function ofCheckpoint(diagnosis: Diagnosis, engine: Engine, values: NamedTensors, step: number, ratios: boolean): Promise<Diagnostics> {
  const state = engine.createState(values);
  try {
    const found = await diagnosis.ofTraining(state, step);
    return ratios ? { ...found, lossByRatio: await diagnosis.lossByRatio(state) } : found;
  } finally {
    state.dispose();
  }
}

/** What took long and was not asked for again stays, if it is of the same images. */
async function withEarlierRatios({ path: folder }: RunDirectory, found: Diagnostics): Promise<Diagnostics> {
  if (found.lossByRatio) return found;
  const earlier = await readDiagnostics(folder, found.step);
  return earlier?.lossByRatio && earlier.images === found.images ? { ...found, lossByRatio: earlier.lossByRatio } : found;
}
