/** A value whose elements are computed one by one, each from its own place. */
import { elementCount } from '../../../core/tensors';
import type { NodeOf, ValueId } from '../compiled/ir';
import { Body, kernelText, stored, type Producers } from './body';
import { groupIndex, manyGroups, type Kernel } from './kernel';

const WORKGROUP = 256;

interface Stored {
  readonly value: ValueId;
  readonly at: string;
  readonly element: string;
}

/** Elements of values computed by one kernel over `size` places, and where they are written. */
function kernel(name: string, body: Body, size: number, stores: () => readonly Stored[]): Kernel {
  body.statement(`let i = ${groupIndex} * ${WORKGROUP}u + lane;\nif (i >= ${size}u) { return; }`);
  const written = stores();
  const types = written.map(({ value }) => body.value(value).dtype);
  written.forEach(({ at, element }, i) => body.statement(`out${i}[${at}] = ${stored(element, types[i]!)};`));
  return { name, code: kernelText(body, { outputs: types, workgroup: WORKGROUP, main: body.text }), reads: body.reads, writes: written.map(({ value }) => value), groups: manyGroups(Math.ceil(size / WORKGROUP)) };
}

/**
 * @param made the value, which has a buffer; its operands are read or computed in place
 * @param beside values on the way to it that have buffers too, and the same places
 */
export function mapKernel(source: Producers, made: ValueId, beside: readonly ValueId[] = []): Kernel {
  const values = [made, ...beside];
  const body = new Body(source, { computed: values });
  const { op } = source.producers.get(made)!;
  return kernel(beside.length > 0 ? `${op} with ${beside.length}` : op, body, elementCount(body.value(made).shape), () => values.map((value) => ({ value, at: 'i', element: body.read(value, { flat: 'i' }) })));
}

/** A kernel a part: however many there are, none reads from more buffers than it may. */
export function concatKernels(source: Producers, { inputs, outputs: [made], attrs: { axis } }: NodeOf<'Concat'>): Kernel[] {
  let begin = 0;
  return inputs.map((id) => {
    const body = new Body(source);
    const { shape } = body.value(id);
    const from = begin;
    begin += shape[axis]!;
    return kernel('Concat', body, elementCount(shape), () => {
      const coords = body.coords({ flat: 'i' }, shape);
      const at = body.flat({ coords: coords.map((coord, i) => (i === axis && from > 0 ? body.let(`${coord} + ${from}u`) : coord)) }, body.value(made!).shape);
      return [{ value: made!, at, element: body.read(id, { coords }) }];
    });
  });
}
