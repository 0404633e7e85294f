/** Checks at the door of every engine: names and shapes of what programs are given. */
import { halvesToFloats } from '../../core/checkpoints/half';
import { UserError } from '../../core/problems';
import type { HalfTensor, HostTensor, NamedSpecs, NamedTensors, TensorSpec } from '../../core/tensors';
import { elementCount, float32 } from '../../core/tensors';
import type { BatchSpec, HostBatch, Program, ProgramInterface, ProgramOutputs, StateStore } from './engine';

function describe(spec: BatchSpec): string {
  return `${spec.dtype}[${spec.shape.join(', ')}]`;
}

function sameSpec(a: BatchSpec, b: BatchSpec): boolean {
  return a.dtype === b.dtype && a.shape.length === b.shape.length && a.shape.every((size, axis) => size === b.shape[axis]);
}

/** Throws unless `value` has the announced shape and type, and as many elements as its shape says. */
export function checkValue(what: string, name: string, expected: BatchSpec, value: HostTensor | HalfTensor | undefined): void {
  if (!value) throw new Error(`${what}: "${name}" is missing (expected ${describe(expected)}).`);
  if (!sameSpec(expected, value)) throw new Error(`${what}: "${name}" is ${describe(value)}, expected ${describe(expected)}.`);
  if (value.data.length !== elementCount(value.shape)) {
    throw new Error(`${what}: "${name}" is ${describe(value)} but holds ${value.data.length} values.`);
  }
}

/** Throws unless the batch holds every input of the program; what the program does not read is ignored. */
export function checkBatch(program: ProgramInterface, batch: HostBatch): void {
  for (const [name, spec] of Object.entries(program.batch)) checkValue(`Batch of program "${program.name}"`, name, spec, batch[name]);
}

/** What the program reads of a batch, for an engine that knows no halves. Throws as `checkBatch`. */
export function checkedBatch(program: ProgramInterface, batch: HostBatch): NamedTensors {
  checkBatch(program, batch);
  return Object.fromEntries(Object.keys(program.batch).map((name) => [name, widened(batch[name]!)]));
}

function widened(value: HostTensor | HalfTensor): HostTensor {
  return value.dtype === 'float16' ? float32(value.shape, halvesToFloats(value.data)) : value;
}

/** @throws UserError MIM4003 for a program that shall compute in int8 */
export function refuseInt8({ int8 }: Program, engine: string): void {
  if (int8?.length) throw new UserError('MIM4003', `The engine ${engine} does not compute in int8, which \`teacher.dtype\` asks for.`, 'Use `engine: compiled-cpu`, or leave `teacher.dtype` out.');
}

/** @throws UserError MIM4003 for a program that shall compute in half precision */
export function refuseFloat16({ precision }: Program, engine: string): void {
  if (precision === 'float16') throw new UserError('MIM4003', `The engine ${engine} does not compute in float16, which \`engine.precision\` asks for.`, 'Use `engine: { kind: wgsl, precision: float16 }`, or leave `precision` out.');
}

/** Throws unless the store holds every state entry the program uses, in the shape it uses it. */
export function checkState(program: ProgramInterface, state: StateStore): void {
  for (const [name, spec] of Object.entries(program.state)) {
    const held = state.specs[name];
    if (!held) throw new Error(`Program "${program.name}" uses the state entry "${name}", which the store does not hold.`);
    if (!sameSpec(held, spec)) throw new Error(`Program "${program.name}" uses "${name}" as ${describe(spec)}, the store holds ${describe(held)}.`);
  }
}

/** Throws unless the new state values fit the program's own state specs. */
export function checkOutputs(program: Program, outputs: ProgramOutputs): void {
  for (const [name, tensor] of Object.entries(outputs.state)) {
    const spec: TensorSpec | undefined = (program.state as NamedSpecs)[name];
    if (!spec) throw new Error(`Program "${program.name}" writes "${name}", which is not among its state.`);
    const written = { shape: tensor.shape, dtype: tensor.dtype } as TensorSpec;
    if (!sameSpec(spec, written)) throw new Error(`Program "${program.name}" writes "${name}" as ${describe(written)}, its state says ${describe(spec)}.`);
  }
}
