/**
 * Runs a program once under a TensorFlow.js backend that records kernels instead of computing them. Autodiff, tidy and
 * custom gradients work as ever, because they live above the backend.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { DataType, TensorInfo } from '@tensorflow/tfjs-core';
import { checkOutputs } from '../check-values';
import type { Program } from '../engine';
import '../gradients';
import { onBackend } from '../tfjs-backend';
import type { ConstantData, Dtype, Graph, GraphOutput, Value } from './ir';
import type { KernelInputs } from './kernels';
import { kernelRules } from './kernels';
import { Recorder } from './recorder';

const backendName = 'mim-trace';

/** What programs are written in. */
type TracedDtype = Exclude<Dtype, 'int8'>;

function dtypeOf(dtype: DataType): TracedDtype {
  if (dtype === 'float32' || dtype === 'int32' || dtype === 'bool') return dtype;
  throw new Error(`Tensors of type ${dtype} cannot be compiled.`);
}

function typed(values: unknown, dtype: TracedDtype): ConstantData {
  const numbers = values as ArrayLike<number>;
  switch (dtype) {
    case 'float32':
      return values instanceof Float32Array ? values : Float32Array.from(numbers);
    case 'int32':
      return values instanceof Int32Array ? values : Int32Array.from(numbers);
    case 'bool':
      return values instanceof Uint8Array ? values : Uint8Array.from(numbers);
  }
}

/** The data behind a traced tensor is the graph's value itself. */
class TracingBackend extends tf.KernelBackend {
  recorder: Recorder | undefined;
  private readonly references = new WeakMap<object, number>();

  active(): Recorder {
    if (!this.recorder) throw new Error('Nothing is being traced.');
    return this.recorder;
  }

  override write(values: tf.BackendValues, shape: number[], dtype: DataType): Value {
    const type = dtypeOf(dtype);
    return this.active().constant(shape.slice(), type, typed(values, type));
  }

  override readSync(dataId: object): tf.BackendValues {
    const { data } = dataId as Value;
    if (!data || data instanceof Int8Array) throw new Error('A program read the value of a tensor while it was traced; what it computes may not depend on values.');
    return data;
  }

  override read(dataId: object): Promise<tf.BackendValues> {
    return Promise.resolve(this.readSync(dataId));
  }

  override move(): never {
    throw new Error('A program used a tensor from outside; it may use only what it is given and what it makes itself.');
  }

  override numDataIds(): number {
    return this.recorder?.valueCount ?? 0;
  }

  override incRef(dataId: object): void {
    this.references.set(dataId, this.refCount(dataId) + 1);
  }

  override refCount(dataId: object): number {
    return this.references.get(dataId) ?? 1;
  }

  /** Nothing is freed; TensorFlow.js only wants to know whether this was the last tensor of the value. */
  override disposeData(dataId: object): boolean {
    const left = this.refCount(dataId) - 1;
    this.references.set(dataId, left);
    return left <= 0;
  }

  override memory(): { unreliable: boolean } {
    return { unreliable: true };
  }
  override floatPrecision(): 32 {
    return 32;
  }
  override epsilon(): number {
    return 1e-7;
  }
  override dispose(): void {}
}

let backend: TracingBackend | undefined;

function tracingBackend(): TracingBackend {
  if (backend) return backend;
  const registered = new TracingBackend();
  backend = registered;
  tf.registerBackend(backendName, () => registered, 0);
  for (const [kernelName, rule] of Object.entries(kernelRules)) {
    tf.registerKernel({
      kernelName,
      backendName,
      kernelFunc: ({ inputs, attrs }) => {
        const operands = Object.fromEntries(Object.entries(inputs).map(([name, tensor]) => [name, (tensor as TensorInfo).dataId as Value]));
        const result = rule(registered.active(), operands as KernelInputs, attrs ?? {});
        const results = Array.isArray(result) ? result : [result];
        for (const value of results) if (Object.values(operands).includes(value)) registered.incRef(value);
        return Array.isArray(result) ? result.map(infoOf) : infoOf(result);
      },
    });
  }
  return registered;
}

function infoOf(value: Value): TensorInfo {
  return { dataId: value, shape: value.shape.slice(), dtype: value.dtype as TracedDtype };
}

function valueBehind(tensor: tf.Tensor): Value {
  return tensor.dataId as Value;
}

function tensorsOf(values: Record<string, Value>): Record<string, tf.Tensor> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, tf.engine().makeTensorFromTensorInfo(infoOf(value))]));
}

function record(program: Program, recorder: Recorder): GraphOutput[] {
  const inputs = (kind: 'state' | 'batch'): Record<string, Value> =>
    Object.fromEntries(Object.entries(program[kind]).map(([name, { shape, dtype }]) => [name, recorder.input(kind, name, shape, dtype === 'float16' ? 'float32' : dtype)]));
  const constants = Object.fromEntries(
    Object.entries(program.constants).map(([name, { shape, dtype, data }]) => [name, recorder.constant(shape, dtype, data, name)]),
  );
  const outputs = program.run({ state: tensorsOf(inputs('state')), constants: tensorsOf(constants), batch: tensorsOf(inputs('batch')) });
  checkOutputs(program, outputs);
  const readings = Object.entries(outputs.readings).map(([name, tensor]): GraphOutput => {
    const reading = tensor.dtype === 'bool' ? tf.cast(tensor, 'int32') : tensor;
    return { kind: 'reading', name, value: valueBehind(reading).id };
  });
  const state = Object.entries(outputs.state).map(([name, tensor]): GraphOutput => ({ kind: 'state', name, value: valueBehind(tensor).id }));
  return [...state, ...readings];
}

/** TensorFlow.js's words where a kernel has no rule. */
const missingKernel = /kernel '(\w+)'/i;

/** @throws Error that names the kernel, where the program uses one that cannot be compiled. */
export function trace(program: Program): Graph {
  const tracing = tracingBackend();
  if (tracing.recorder) throw new Error(`Program "${program.name}" was traced while another was.`);
  const recorder = new Recorder(program.name);
  tracing.recorder = recorder;
  try {
    return onBackend(backendName, () => {
      let outputs: GraphOutput[] = [];
      tf.tidy(() => {
        outputs = record(program, recorder);
      });
      return recorder.finish(outputs);
    });
  } catch (error) {
    const kernel = error instanceof Error ? missingKernel.exec(error.message)?.[1] : undefined;
    if (kernel === undefined) throw error;
    throw new Error(`Program "${program.name}" uses the kernel ${kernel}, which the compiled engine does not know; write it with other operations, or add it to engines/compiled/kernels.ts.`, { cause: error });
  } finally {
    tracing.recorder = undefined;
  }
}
