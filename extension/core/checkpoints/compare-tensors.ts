/** How far the tensors of one checkpoint moved to become those of another. */
import { UserError } from '../problems';
import type { TensorChange } from '../protocol/checkpoint';
import type { HostTensor } from '../tensors';
import { bytesPerElement } from './dtypes';
import { CHUNK_BYTES, tensorChunks, type TensorFile } from './tensor-chunks';

/**
 * One change a tensor of either file: those of `a` in its order, then those that only `b` has.
 * @throws UserError as tensorChunks does, but for types that are not read, which are noted; the signal's reason.
 */
export async function* compareTensors(a: TensorFile, b: TensorFile, signal?: AbortSignal): AsyncGenerator<TensorChange> {
  for (const [name, { shape }] of a.header.tensors) {
    const other = b.header.tensors.get(name);
    if (other === undefined) yield { name, relative: null, note: 'only here' };
    else if (shape.join() !== other.shape.join()) yield { name, relative: null, note: 'other shape' };
    else yield { name, ...(await relativeChange(a, b, name, signal)) };
  }
  for (const name of b.header.tensors.keys()) {
    if (!a.header.tensors.has(name)) yield { name, relative: null, note: 'only there' };
  }
}

type Change = Omit<TensorChange, 'name'>;

async function relativeChange(a: TensorFile, b: TensorFile, name: string, signal: AbortSignal | undefined): Promise<Change> {
  try {
    const { before, moved } = await squaredNorms(a, b, name, signal);
    if (!Number.isFinite(before) || !Number.isFinite(moved)) return { relative: null, note: 'not finite' };
    if (moved === 0) return { relative: 0 };
    return before === 0 ? { relative: null, note: 'zero before' } : { relative: Math.sqrt(moved / before) };
  } catch (error) {
    if (error instanceof UserError && error.code === 'MIM3006') return { relative: null, note: 'type not read' };
    throw error;
  }
}

/** ‖a‖² and ‖b − a‖²; both files in pieces of the same number of values, whatever their types. */
async function squaredNorms(a: TensorFile, b: TensorFile, name: string, signal: AbortSignal | undefined) {
  const sizes = [a, b].map(({ header }) => bytesPerElement(header.tensors.get(name)!.dtype)) as [number, number];
  const values = Math.floor(CHUNK_BYTES / Math.max(...sizes));
  const others = tensorChunks(b, name, signal, values * sizes[1]);
  let [before, moved] = [0, 0];
  for await (const piece of tensorChunks(a, name, signal, values * sizes[0])) {
    const other = (await others.next()).value as HostTensor['data'];
    for (let i = 0; i < piece.length; i++) {
      const value = piece[i]!;
      before += value * value;
      moved += (other[i]! - value) ** 2;
    }
  }
  return { before, moved };
}
