/** Runs programs on two engines, or graphs before and after a rewrite, and compares the numbers. */
import type { Tensor } from '@tensorflow/tfjs-core';
import { expect } from 'vitest';
import type { HostTensor, NamedTensors } from '../../../extension/core/tensors';
import { specOf } from '../../../extension/core/tensors';
import { CompiledState } from '../../../extension/training/engines/compiled/compiled-state';
import type { Graph } from '../../../extension/training/engines/compiled/ir';
import { OnnxProgram } from '../../../extension/training/engines/compiled/compiled-program';
import { openSession } from '../../../extension/training/engines/compiled/session';
import type { HostBatch, Program, Readings } from '../../../extension/training/engines/engine';
import { EagerEngine } from '../../../extension/training/engines/eager/eager-engine';

type Tensors = Readonly<Record<string, Tensor>>;

/** A program without state: readings of a batch and constants. */
export function functionOf(name: string, batch: NamedTensors, run: (batch: Tensors, constants: Tensors) => Record<string, Tensor>, constants: NamedTensors = {}): Program {
  return {
    name,
    state: {},
    constants,
    batch: Object.fromEntries(Object.entries(batch).map(([key, value]) => [key, specOf(value)])),
    run: (inputs) => ({ state: {}, readings: run(inputs.batch, inputs.constants) }),
  };
}

export interface Outcome {
  readonly readings: Readings[];
  readonly state: NamedTensors;
}

export async function runEagerly(program: Program, state: NamedTensors, batches: readonly HostBatch[]): Promise<Outcome> {
  const engine = await EagerEngine.create('cpu');
  const store = engine.createState(state);
  const compiled = await engine.compile(program);
  const readings = await compiled.run(store, batches);
  return { readings, state: await store.read() };
}

export async function runGraph(graph: Graph, program: Program, state: NamedTensors, batches: readonly HostBatch[]): Promise<Outcome> {
  const compiled = new OnnxProgram(program, await openSession(graph, 1));
  const store = new CompiledState(state);
  const readings = await compiled.run(store, batches);
  await compiled.dispose();
  return { readings, state: await store.read() };
}

/** Largest difference over largest magnitude. */
function relativeError(actual: HostTensor, expected: HostTensor): number {
  let difference = 0;
  let magnitude = 1e-6;
  expected.data.forEach((x, i) => {
    const error = Math.abs(x - actual.data[i]!);
    // NaN on one side only, or unequal infinities, count as wrong.
    if (!Object.is(x, actual.data[i])) difference = Math.max(difference, Number.isNaN(error) ? Infinity : error);
    if (Number.isFinite(x)) magnitude = Math.max(magnitude, Math.abs(x));
  });
  return difference / magnitude;
}

export function expectSame(actual: NamedTensors, expected: NamedTensors, tolerance: number): void {
  expect(Object.keys(actual).sort()).toEqual(Object.keys(expected).sort());
  for (const [name, value] of Object.entries(expected)) {
    expect({ name, ...specOf(actual[name]!) }).toEqual({ name, ...specOf(value) });
    expect(relativeError(actual[name]!, value), name).toBeLessThanOrEqual(tolerance);
  }
}

export function expectSameOutcome(actual: Outcome, expected: Outcome, tolerance: number): void {
  expect(actual.readings.length).toBe(expected.readings.length);
  actual.readings.forEach((readings, step) => expectSame(readings, expected.readings[step]!, tolerance));
  expectSame(actual.state, expected.state, tolerance);
}
