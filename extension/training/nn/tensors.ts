/** Named tensors and the views on them that the model functions share. */
import type { Tensor } from '@tensorflow/tfjs-core';

export type Tensors = Readonly<Record<string, Tensor>>;

/** The tensor called `name`; a missing one is a programming error, said by name. */
export function tensorOf(tensors: Tensors, name: string): Tensor {
  const tensor = tensors[name];
  if (!tensor) throw new Error(`The model has no tensor "${name}".`);
  return tensor;
}

/** The tensors whose names begin with `prefix`, under the rest of their names. */
export function withoutPrefix(tensors: Tensors, prefix: string): Tensors {
  return Object.fromEntries(
    Object.entries(tensors).flatMap(([name, tensor]) => (name.startsWith(prefix) ? [[name.slice(prefix.length), tensor]] : [])),
  );
}
