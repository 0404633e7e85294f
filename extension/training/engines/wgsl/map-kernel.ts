/** A value whose elements are computed one by one, each from its own place. */
import type { NodeOf, ValueId } from '../compiled/ir';
import { Body, kernelText, stored, type Producers } from './body';
import { groupIndex, manyGroups, type Kernel } from './kernel';

const WORKGROUP = 256;

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Elements of a value computed by one kernel, and where they are written. */
function kernel(name: string, body: Body, made: ValueId, shape: readonly number[], write: () => { readonly at: string; readonly element: string }): Kernel {
  const { dtype } = body.value(made);
  const size = sizeOf(shape);
  body.statement(`let i = ${groupIndex} * ${WORKGROUP}u + lane;\nif (i >= ${size}u) { return; }`);
  const { at, element } = write();
  body.statement(`out0[${at}] = ${stored(element, dtype)};`);
  return { name, code: kernelText(body, { outputs: [dtype], workgroup: WORKGROUP, main: body.text }), reads: body.reads, writes: [made], groups: manyGroups(Math.ceil(size / WORKGROUP)) };
}

/** @param made the value, which has a buffer; its operands are read or computed in place */
export function mapKernel(source: Producers, made: ValueId): Kernel {
  const body = new Body(source, made);
  const { op } = source.producers.get(made)!;
  return kernel(op, body, made, body.value(made).shape, () => ({ at: 'i', element: body.read(made, { flat: 'i' }) }));
}

/** A kernel a part: however many there are, none reads from more buffers than it may. */
export function concatKernels(source: Producers, { inputs, outputs: [made], attrs: { axis } }: NodeOf<'Concat'>): Kernel[] {
  let begin = 0;
  return inputs.map((id) => {
    const body = new Body(source);
    const { shape } = body.value(id);
    const from = begin;
    begin += shape[axis]!;
    return kernel('Concat', body, made!, shape, () => {
      const coords = body.coords({ flat: 'i' }, shape);
      const at = body.flat({ coords: coords.map((coord, i) => (i === axis && from > 0 ? body.let(`${coord} + ${from}u`) : coord)) }, body.value(made!).shape);
      return { at, element: body.read(id, { coords }) };
    });
  });
}
