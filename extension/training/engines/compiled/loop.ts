/**
 * A program's graph as the body of one ONNX Loop: each iteration is a step, takes its batch from stacked inputs, and
 * hands the state it writes to the next. How many steps is decided at each run. The steps compute exactly what single
 * runs would; what is saved is copying the state out of and into ONNX Runtime between them.
 *
 * Names in the model, where `x` is a name of the program:
 * `steps`; `batch_all:x` [steps, …]; `state:x` for state that is only read; `initial:x` and `final:x` for state that
 * is written; `reading_all:x` [steps, …].
 */
import type { Graph, Value, ValueId } from './ir';
import { valueOf } from './ir';
import { Lowering } from './lowering';
import { OnnxGraph } from './onnx-writer';
import type { StepModel, StepParts } from './step-model';
import { lowerStep, partsOf, sessionInterface } from './step-model';

function lowerBody(graph: Graph, parts: StepParts): OnnxGraph {
  const body = new Lowering(graph, 'cpu');
  const { onnx } = body;
  onnx.input('iteration', 'int64', []);
  onnx.input('go_on', 'bool', []);
  for (const { input } of parts.carried) {
    const { dtype, shape } = body.value(input.value);
    onnx.input(`state:${input.name}`, dtype, shape);
  }
  body.emit('Identity', ['go_on'], ['still_go_on']);
  onnx.output('still_go_on', 'bool', []);
  for (const { name } of parts.batch) body.emit('Gather', [`batch_all:${name}`, 'iteration'], [`batch:${name}`], { axis: 0 });
  lowerStep(body, parts);
  return onnx;
}

export function loopModel(graph: Graph): StepModel {
  const parts = partsOf(graph);
  const { carried, reads, batch, readings } = parts;
  const onnx = new OnnxGraph('steps');
  const typed = (id: ValueId): Value => valueOf(graph, id);
  onnx.input('steps', 'int64', []);
  for (const { name, value } of batch) onnx.input(`batch_all:${name}`, typed(value).dtype, ['steps_axis', ...typed(value).shape]);
  for (const { name, value } of reads) onnx.input(`state:${name}`, typed(value).dtype, typed(value).shape);
  for (const { input } of carried) onnx.input(`initial:${input.name}`, typed(input.value).dtype, typed(input.value).shape);
  onnx.initializer('true', 'bool', [], Uint8Array.of(1));
  onnx.node(
    'Loop',
    ['steps', 'true', ...carried.map(({ input }) => `initial:${input.name}`)],
    [...carried.map(({ output }) => `final:${output.name}`), ...readings.map(({ name }) => `reading_all:${name}`)],
    { body: lowerBody(graph, parts) },
  );
  for (const { output } of carried) onnx.output(`final:${output.name}`, typed(output.value).dtype, typed(output.value).shape);
  for (const { name, value } of readings) onnx.output(`reading_all:${name}`, typed(value).dtype, ['steps_axis', ...typed(value).shape]);
  return { onnx, ...sessionInterface(graph, parts) };
}
