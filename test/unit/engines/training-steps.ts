/** The training step of every method at micro size, for engines to take. */
import type { ResolvedExperiment } from '../../../extension/core/config/schema';
import type { NamedTensors } from '../../../extension/core/tensors';
import type { EagerEngine } from '../../../extension/training/engines/eager/eager-engine';
import type { HostBatch, Program, Readings, StateStore } from '../../../extension/training/engines/engine';
import { createMethod } from '../../../extension/training/methods/create';
import type { Method } from '../../../extension/training/methods/method';
import { RandomStream } from '../../../extension/training/random';
import { trainingPrograms } from '../../../extension/training/step';
import { experiment, labels, randomImages, randomTeacher, scalar } from '../model/experiments';
import { methodCases, methodOfCase } from '../model/method-cases';

/** One method's training step. */
export interface StepCase {
  readonly name: string;
  readonly method: Method;
  readonly resolved: ResolvedExperiment;
  readonly extra?: HostBatch;
}

const teacher = { checkpoint: 'teacher.safetensors' };

/** Of every method. */
export function stepCases(): StepCase[] {
  const aligned = experiment({ teacher, masking: { strategy: 'attentive', ratio: 0.5 }, optimizer: { batch_size: 4, ema: 0.5, clip_grad: 1 }, logging: { gradients: true } });
  const supervised = experiment({ method: 'supervised', optimizer: { batch_size: 4 } });
  return [
    { name: 'maskalign, clipped, gradients recorded', method: createMethod(aligned, { teacher: randomTeacher() }), resolved: aligned },
    { name: 'supervised', method: createMethod(supervised, { classCount: 3 }), resolved: supervised, extra: { labels: labels(0, 1, 2, 1) } },
    ...methodCases.map(([name, input]) => ({ name, ...methodOfCase(input) })),
  ];
}

export interface Step {
  readonly program: Program;
  readonly initial: NamedTensors;
  readonly batches: HostBatch[];
}

export interface Trained {
  readonly readings: Readings[];
  readonly after: NamedTensors;
}

/** With the batches of the first steps. */
export function stepOf({ method, resolved, extra }: StepCase, steps = 2): Step {
  const programs = trainingPrograms(method, resolved);
  const random = new RandomStream(3, 'test');
  const batch = { images: randomImages(random, 4, 16), ...method.draw(random, 4), ...extra };
  return { program: programs.single!, initial: programs.initialState(1), batches: Array.from({ length: steps }, (_, step) => ({ ...batch, lr: scalar(3e-3), step: scalar(step + 1), ema_momentum: scalar(0.99) })) };
}

export async function trained(engine: EagerEngine, { program, initial, batches }: Step): Promise<Trained> {
  const state: StateStore = engine.createState(initial);
  const compiled = await engine.compile(program);
  const readings = await compiled.run(state, batches);
  const after = await state.read();
  await compiled.dispose();
  state.dispose();
  return { readings, after };
}
