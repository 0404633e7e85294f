/**
 * A program's graph as a model of one step, for devices whose memory a Loop would leave: ONNX Runtime has a Loop for the CPU (and for
 * CUDA) only, so that on WebGPU the whole state went to the host and back at each iteration.
 *
 * Names in the model: `batch:x`, `state:x`, `new:x`, `reading:x`.
 */
import type { Tensor } from 'onnxruntime-node';
import type { HostTensor, NamedTensors, TensorSpec } from '../../../core/tensors';
import type { Readings } from '../engine';
import { onnxTensor, type CompiledState } from './compiled-state';
import type { Device } from './device';
import type { Graph } from './ir';
import { Lowering } from './lowering';
import type { SessionInterface, StepModel } from './step-model';
import { lowerStep, partsOf, sessionInterface } from './step-model';

export function singleStepModel(graph: Graph, device: Device): StepModel {
  const parts = partsOf(graph);
  const body = new Lowering(graph, device);
  const { onnx } = body;
  for (const { kind, name, value } of [...parts.batch, ...parts.reads, ...parts.carried.map(({ input }) => input)]) {
    const { dtype, shape } = body.value(value);
    onnx.input(`${kind}:${name}`, dtype, shape);
  }
  lowerStep(body, parts);
  return { onnx, ...sessionInterface(graph, parts) };
}

/** What a run of the model is given. */
export function stepFeeds({ reads, writes, batch: read }: SessionInterface, state: CompiledState, batch: NamedTensors): Record<string, Tensor> {
  return {
    ...Object.fromEntries([...reads, ...writes].map((name) => [`state:${name}`, state.tensor(name)])),
    ...Object.fromEntries(read.map((name) => [`batch:${name}`, onnxTensor(batch[name]!)])),
  };
}

/** Of what a run returned, these readings, in its memory. */
export function stepReadings(readings: Readonly<Record<string, TensorSpec>>, results: Readonly<Record<string, { readonly data: unknown }>>): Readings {
  return Object.fromEntries(
    Object.entries(readings).map(([name, { shape, dtype }]): [string, HostTensor] => [name, { shape, dtype, data: results[`reading:${name}`]!.data } as HostTensor]),
  );
}
