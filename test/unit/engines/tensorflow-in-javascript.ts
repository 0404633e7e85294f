/**
 * Stands in for the native half of @tensorflow/tfjs-node-gpu, where libtensorflow cannot be had: keeps tensors by number,
 * checks each operation as the C interface would (its name, its inputs, the names, kinds and types of its attributes) and computes it
 * with TensorFlow.js's kernels for the CPU.
 */
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import type { CpuCall, Operation, OperationInput } from './tensorflow-operations';
import { operations } from './tensorflow-operations';

type Dtype = OperationInput['dtype'];
type Values = Float32Array | Int32Array | Uint8Array;

interface Held extends OperationInput {
  readonly data: Values;
}

interface OpAttr {
  readonly name: string;
  readonly type: number;
  readonly value: unknown;
}

/** The numbers of tensorflow/c/tf_datatype.h. */
const dtypeNumbers: Readonly<Record<Dtype, number>> = { float32: 1, int32: 3, bool: 10 };
const holders = { float32: Float32Array, int32: Int32Array, bool: Uint8Array };

const ATTR = { string: 0, int: 1, float: 2, bool: 3, type: 4, shape: 5, resource: 6 } as const;

/** What the Node-API half of the package exports. */
export class TensorflowInJavascript {
  readonly TF_FLOAT = 1;
  readonly TF_INT32 = 3;
  readonly TF_UINT8 = 4;
  readonly TF_STRING = 7;
  readonly TF_COMPLEX64 = 8;
  readonly TF_INT64 = 9;
  readonly TF_BOOL = 10;
  readonly TF_RESOURCE = 20;
  readonly TF_ATTR_STRING = ATTR.string;
  readonly TF_ATTR_INT = ATTR.int;
  readonly TF_ATTR_FLOAT = ATTR.float;
  readonly TF_ATTR_BOOL = ATTR.bool;
  readonly TF_ATTR_TYPE = ATTR.type;
  readonly TF_ATTR_SHAPE = ATTR.shape;
  readonly TF_ATTR_RESOURCE = ATTR.resource;
  readonly TF_Version = '2.9.1';

  private readonly held = new Map<number, Held>();
  private next = 0;

  constructor(readonly seesGpu = true) {}

  isUsingGpuDevice(): boolean {
    return this.seesGpu;
  }

  getNumOfTensors(): number {
    return this.held.size;
  }

  createTensor(shape: number[], dtype: number, values: unknown): number {
    const name = dtypeOf(dtype);
    if (!(values instanceof holders[name])) throw new Error(`A tensor of ${name} was made of ${String(Object.prototype.toString.call(values))}.`);
    return this.hold({ shape, dtype: name, data: values });
  }

  deleteTensor(id: number): void {
    if (!this.held.delete(id)) throw new Error(`There is no tensor ${id}.`);
  }

  tensorDataSync(id: number): Values {
    return this.tensor(id).data.slice();
  }

  executeOp(name: string, given: readonly OpAttr[], ids: readonly number[], outputs: number): { id: number; shape: number[]; dtype: number }[] {
    const operation = operations[name];
    if (!operation) throw new Error(`Op type not registered '${name}'`);
    const inputs = ids.map((id) => this.tensor(id));
    const attrs = checkedAttributes(name, operation, given, inputs);
    checkInputCount(name, operation, attrs, inputs.length);
    const results = computed(operation.call(inputs, attrs));
    if (results.length !== outputs) throw new Error(`${name} has ${results.length} outputs, not ${outputs}.`);
    return results.map((result) => ({ id: this.hold(result), shape: result.shape.slice(), dtype: dtypeNumbers[result.dtype] }));
  }

  private tensor(id: number): Held {
    const held = this.held.get(id);
    if (!held) throw new Error(`There is no tensor ${id}.`);
    return held;
  }

  private hold(tensor: Held): number {
    this.held.set(this.next, tensor);
    return this.next++;
  }
}

function dtypeOf(number: number): Dtype {
  const found = (Object.keys(dtypeNumbers) as Dtype[]).find((name) => dtypeNumbers[name] === number);
  if (!found) throw new Error(`Tensors of TensorFlow's type ${number} are not used in training.`);
  return found;
}

function checkedAttributes(name: string, operation: Operation, given: readonly OpAttr[], inputs: readonly Held[]): Record<string, unknown> {
  const attrs: Record<string, unknown> = {};
  for (const { name: attr, type, value } of given) {
    const rule = operation.types[attr];
    const kind = rule ? 'type' : operation.attrs?.[attr];
    if (kind === undefined) throw new Error(`Operation '${name}' has no attr named '${attr}'.`);
    if (type !== ATTR[kind]) throw new Error(`${name}.${attr} is given as kind ${type}, and is ${kind}.`);
    attrs[attr] = kind === 'type' ? dtypeOf(value as number) : value;
    if (rule && rule !== 'output') checkTypes(`${name}.${attr}`, attrs[attr], rule === 'all' ? inputs : rule === 'all but last' ? inputs.slice(0, -1) : rule.map((position) => inputs[position]!));
  }
  return attrs;
}

function checkTypes(attr: string, type: unknown, inputs: readonly Held[]): void {
  for (const { dtype } of inputs) if (dtype !== type) throw new Error(`cannot compute ${attr} = ${String(type)} as an input was expected to be that but is ${dtype}`);
}

function checkInputCount(name: string, { inputs }: Operation, attrs: Record<string, unknown>, count: number): void {
  const expected = typeof inputs === 'number' ? inputs : (attrs[inputs.listOf] as number) + inputs.more;
  if (count !== expected) throw new Error(`${name} takes ${expected} inputs, not ${count}.`);
}

interface CpuBackend extends tf.KernelBackend {
  makeTensorInfo(shape: number[], dtype: Dtype, values: ArrayLike<number>): tf.TensorInfo;
}

/** By the kernel alone: neither the tape nor the memory accounts of TensorFlow.js hear of it. */
function computed({ kernel, inputs, attrs }: CpuCall): Held[] {
  const cpu = tf.findBackend('cpu') as CpuBackend;
  const info = ({ shape, dtype, data }: OperationInput): tf.TensorInfo => cpu.makeTensorInfo(shape.slice(), dtype, data);
  const operands = (Array.isArray(inputs) ? inputs.map(info) : Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, info(input as OperationInput)]))) as tf.NamedTensorInfoMap;
  const { kernelFunc } = tf.getKernel(kernel, 'cpu');
  const results = [kernelFunc({ inputs: operands, attrs: attrs ?? {}, backend: cpu })].flat();
  const held = results.map(({ dataId, shape, dtype }): Held => {
    const name = dtype as Dtype;
    return { shape, dtype: name, data: holders[name].from(cpu.readSync(dataId) as unknown as ArrayLike<number>) };
  });
  for (const used of [...Object.values(operands), ...results]) cpu.disposeData(used!.dataId, true);
  return held;
}
