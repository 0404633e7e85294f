/** Tensors on the host, as files and the engines exchange them. */

export type HostDtype = 'float32' | 'int32';

export interface TensorSpec {
  readonly shape: readonly number[];
  readonly dtype: HostDtype;
}

export interface HostTensor extends TensorSpec {
  /** Row-major values; `data.length` is the product of `shape`. */
  readonly data: Float32Array | Int32Array;
}

/** Numbers in half the room: the bits of IEEE binary16. */
export interface HalfTensor {
  readonly shape: readonly number[];
  readonly dtype: 'float16';
  readonly data: Uint16Array;
}

/** Tensors by name. Model parameters carry timm names (`blocks.0.attn.qkv.weight`) and PyTorch layouts. */
export type NamedTensors = Record<string, HostTensor>;
export type NamedSpecs = Record<string, TensorSpec>;

export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

export function float32(shape: readonly number[], data?: Float32Array): HostTensor {
  return { shape, dtype: 'float32', data: data ?? new Float32Array(elementCount(shape)) };
}

export function int32(shape: readonly number[], data?: Int32Array): HostTensor {
  return { shape, dtype: 'int32', data: data ?? new Int32Array(elementCount(shape)) };
}

export function specOf(tensor: TensorSpec): TensorSpec {
  return { shape: tensor.shape, dtype: tensor.dtype };
}

/** One after another. @param whole where they go, as long as all of them */
export function concatenate(parts: readonly Float32Array[], whole = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0))): Float32Array {
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
