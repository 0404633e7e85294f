/** A training's state as a checkpoint of its run. */
import { plainVit } from '../core/checkpoints/teacher-shape';
import { vitMetadata } from '../core/checkpoints/vit-metadata';
import { UserError } from '../core/problems';
import type { NamedTensors } from '../core/tensors';
import { splitState, type TrainerState } from './checkpoint-state';
import type { StateStore } from './engines/engine';
import { sinCosPositions } from './nn/positions';
import type { Throughput } from './throughput';
import type { RunTraining } from './train-run';

/** @throws UserError MIM8002 where a parameter is not finite; MIM7001 where the disk is full. Earlier checkpoints stay as they are. */
export async function saveCheckpoint({ run, prepared, engine }: Pick<RunTraining, 'run' | 'prepared' | 'engine'>, state: StateStore, step: number, throughput: Throughput): Promise<void> {
  const { experiment, timeline } = prepared;
  const { model, method, state: optimizer } = splitState(await state.read());
  requireFinite({ ...model, ...method }, step);
  const { student, data } = experiment;
  const stateJson: TrainerState = {
    step,
    seed: experiment.seed,
    sampler: { epoch: Math.floor(step / timeline.stepsPerEpoch), batch: step % timeline.stepsPerEpoch },
    engine: engine.kind,
    threads: engine.threads,
    throughput: throughput.totals,
  };
  await run.saveCheckpoint({
    step,
    epoch: step / timeline.stepsPerEpoch,
    // The fixed positions travel along: readers of timm files expect them.
    model: { ...model, pos_embed: sinCosPositions(student.width, student.imageSize / student.patchSize) },
    method,
    state: optimizer,
    stateJson,
    metadata: vitMetadata(plainVit(student, data.mean, data.std)),
  });
  await run.pruneCheckpoints({ newest: 2, everyEpochs: experiment.checkpoints.keep_every });
}

/** A step can overflow though its loss and gradients were finite; what it left must not pass for a good checkpoint. */
function requireFinite(parameters: NamedTensors, step: number): void {
  for (const [name, { data }] of Object.entries(parameters)) {
    if (data.every((value) => Number.isFinite(value))) continue;
    throw new UserError('MIM8002', `${name} is no longer finite after step ${step}, so nothing was saved.`, 'The checkpoint before is good. Start a new run with a lower `optimizer.blr`, a longer warm-up or `optimizer.clip_grad`.');
  }
}
