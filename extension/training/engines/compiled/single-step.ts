/**
 * A program's graph as a model of one step, for devices whose memory a Loop would leave: ONNX Runtime has a Loop for the CPU (and for
 * CUDA) only, so that on WebGPU the whole state went to the host and back at each iteration.
 *
 * Names in the model: `batch:x`, `state:x`, `new:x`, `reading:x`.
 */
import type { Device } from './device';
import type { Graph } from './ir';
import { Lowering } from './lowering';
import type { StepModel } from './step-model';
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
