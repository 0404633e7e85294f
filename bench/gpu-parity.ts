/**
 * The parity cases on an engine, against PyTorch in float64: `gpu-parity compiled-webgpu 0 4` takes every fourth from the first. One
 * line of JSON a case: the largest deviations of losses, gradients and parameters, relative as in test/parity, or why it failed. For
 * half precision the first share also has a step of a size that fits matrix units, against the same step in float32.
 */
import { deviation, expectedTensors, parityCases, withPrefix, type ParityCase } from '../test/parity/parity-case';
import { train } from '../test/parity/train-case';
import type { Engine, Precision } from '../extension/training/engines/engine';
import { openContestant, type GpuContestant } from './gpu-contestants';
import type { ParityResult } from './gpu-record';
import { stepCase, stepSizes } from './step-case';

const largest = (numbers: readonly number[]): number => numbers.reduce((most, number) => (Number.isNaN(number) ? Infinity : Math.max(most, number)), 0);

async function measured(engine: Engine, precision: Precision, parityCase: ParityCase): Promise<ParityResult> {
  const { name, losses } = parityCase;
  const [made, expected] = [await train(engine, parityCase, { precision }), await expectedTensors(name)];
  return {
    name,
    loss: largest(made.losses.map((loss, step) => Math.abs(loss / losses[step]! - 1))),
    gradient: largest(withPrefix(expected, 'grad.').map(([parameter, value]) => deviation(parameter, made.gradients[parameter]!, value))),
    parameter: largest(withPrefix(expected, 'param.').map(([parameter, value]) => deviation(parameter, made.parameters[parameter]!, value))),
  };
}

/** A first step and what it leaves in the state. */
async function firstStep(engine: Engine, precision: Precision) {
  const { program, state: values, batch } = stepCase(stepSizes.tiny, { precision });
  const compiled = await engine.compile(program);
  const state = engine.createState(values);
  const [readings] = await compiled.run(state, [batch(1)]);
  return { loss: readings!['loss']!.data[0]!, state: await state.read() };
}

async function unitsAgainstFloat32(engine: Engine): Promise<Omit<ParityResult, 'name'>> {
  const [made, expected] = [await firstStep(engine, 'float16'), await firstStep(engine, 'float32')];
  const deviations = (prefix: string): number[] => withPrefix(expected.state, prefix).map(([parameter, value]) => deviation(parameter, made.state[prefix + parameter]!, value));
  return { loss: Math.abs(made.loss / expected.loss - 1), gradient: largest(deviations('exp_avg.')) };
}

const [name, share, shares] = process.argv.slice(2) as [GpuContestant, string, string];
const { engine, precision } = await openContestant(name);

async function tell(of: string, measuring: Promise<Omit<ParityResult, 'name'>>): Promise<void> {
  const result = await measuring.catch((error: unknown) => ({ error: error instanceof Error ? error.message : String(error) }));
  console.log(JSON.stringify({ name: of, ...result } satisfies ParityResult));
}

for (const parityCase of parityCases.filter((_, i) => i % Number(shares) === Number(share))) await tell(parityCase.name, measured(engine, precision, parityCase));
if (precision === 'float16' && share === '0') await tell('tiny on matrix units', unitsAgainstFloat32(engine));
process.exit();
