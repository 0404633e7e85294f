/**
 * The parity cases on an engine, against PyTorch in float64: `gpu-parity compiled-webgpu 0 4` takes every fourth from the first. One
 * line of JSON a case: the largest deviations of losses, gradients and parameters, relative as in test/parity, or why it failed.
 */
import { createEngine, type EngineKind } from '../extension/training/engines/create';
import { deviation, expectedTensors, parityCases, withPrefix, type ParityCase } from '../test/parity/parity-case';
import { train } from '../test/parity/train-case';
import type { Engine } from '../extension/training/engines/engine';
import type { ParityResult } from './gpu-record';

const largest = (numbers: readonly number[]): number => numbers.reduce((most, number) => (Number.isNaN(number) ? Infinity : Math.max(most, number)), 0);

async function measured(engine: Engine, parityCase: ParityCase): Promise<ParityResult> {
  const { name, losses } = parityCase;
  const [made, expected] = [await train(engine, parityCase), await expectedTensors(name)];
  return {
    name,
    loss: largest(made.losses.map((loss, step) => Math.abs(loss / losses[step]! - 1))),
    gradient: largest(withPrefix(expected, 'grad.').map(([parameter, value]) => deviation(parameter, made.gradients[parameter]!, value))),
    parameter: largest(withPrefix(expected, 'param.').map(([parameter, value]) => deviation(parameter, made.parameters[parameter]!, value))),
  };
}

const [kind, share, shares] = process.argv.slice(2) as [EngineKind, string, string];
const { engine } = await createEngine({ kind, threads: 1 });
for (const parityCase of parityCases.filter((_, i) => i % Number(shares) === Number(share))) {
  const result = await measured(engine, parityCase).catch((error: unknown): ParityResult => ({ name: parityCase.name, error: error instanceof Error ? error.message : String(error) }));
  console.log(JSON.stringify(result));
}
process.exit();
