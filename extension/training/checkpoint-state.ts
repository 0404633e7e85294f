/**
 * How a training's state store becomes the three files of a checkpoint and comes back.
 *
 *   model.safetensors   the student, timm names
 *   method.safetensors  adaptors, alignment weights, heads: what the method trains beside the student (`method.` dropped)
 *   state.safetensors   AdamW moments, averages, the loss scaling: everything a bit-exact resume needs beside the parameters
 */
import * as z from 'zod';
import type { NamedTensors } from '../core/tensors';

const METHOD = 'method.';
const OPTIMIZER = /^(exp_avg|exp_avg_sq|ema|grad_sum|loss_scaling)\./;

export interface CheckpointTensors {
  readonly model: NamedTensors;
  readonly method: NamedTensors;
  readonly state: NamedTensors;
}

export function splitState(values: NamedTensors): CheckpointTensors {
  const model: NamedTensors = {};
  const method: NamedTensors = {};
  const state: NamedTensors = {};
  for (const [name, tensor] of Object.entries(values)) {
    if (OPTIMIZER.test(name)) state[name] = tensor;
    else if (name.startsWith(METHOD)) method[name.slice(METHOD.length)] = tensor;
    else model[name] = tensor;
  }
  return { model, method, state };
}

export function joinState({ model, method, state }: CheckpointTensors): NamedTensors {
  const values: NamedTensors = { ...model, ...state };
  for (const [name, tensor] of Object.entries(method)) values[METHOD + name] = tensor;
  return values;
}

/** The student alone, as evaluation and export read it. */
export function studentOnly(values: NamedTensors): NamedTensors {
  return splitState(values).model;
}

/** `state.json` of a checkpoint: where the run was. Random streams follow from seed and step, so they need no entry. */
export const trainerStateSchema = z.object({
  step: z.int().min(0),
  seed: z.int().min(0),
  sampler: z.object({ epoch: z.int().min(0), batch: z.int().min(0) }),
  engine: z.string(),
  threads: z.int(),
  /** Of all training steps so far, evaluations left out. */
  throughput: z.object({ seconds: z.number(), images: z.number() }),
});

export type TrainerState = z.output<typeof trainerStateSchema>;
