/** Element types as weight files store them, and their conversion to the two types the product computes with. */
import type { HostTensor } from '../tensors';
import { elementCount } from '../tensors';
import { UserError } from '../problems';
import { halvesToFloats } from './half';

/** Safetensors' names; PyTorch's storages are translated to them. */
export type StoredDtype = keyof typeof elementBytes;

const elementBytes = {
  BOOL: 1, U8: 1, I8: 1, F8_E5M2: 1, F8_E4M3: 1,
  I16: 2, U16: 2, F16: 2, BF16: 2,
  I32: 4, U32: 4, F32: 4,
  I64: 8, U64: 8, F64: 8,
} as const;

export function isStoredDtype(name: unknown): name is StoredDtype {
  return typeof name === 'string' && Object.hasOwn(elementBytes, name);
}

export function bytesPerElement(dtype: StoredDtype): number {
  return elementBytes[dtype];
}

/** Where a tensor is, for messages: file and name. */
export interface TensorPlace {
  readonly file: string;
  readonly name: string;
}

/**
 * Little-endian bytes → float32 (F32, F16, BF16, F64) or int32 (integers, booleans).
 * @throws UserError MIM3006 for types that have no faithful host form, or a 64-bit integer beyond 32 bits.
 */
export function toHostTensor(bytes: Uint8Array, dtype: StoredDtype, shape: readonly number[], place: TensorPlace): HostTensor {
  const count = elementCount(shape);
  const aligned = alignTo(bytes, elementBytes[dtype]);
  const { buffer, byteOffset } = aligned;
  switch (dtype) {
    case 'F32':
      return floats(shape, new Float32Array(buffer, byteOffset, count));
    case 'F64':
      return floats(shape, Float32Array.from(new Float64Array(buffer, byteOffset, count)));
    case 'F16':
      return floats(shape, halvesToFloats(new Uint16Array(buffer, byteOffset, count)));
    case 'BF16':
      return floats(shape, convertBfloat16(new Uint16Array(buffer, byteOffset, count)));
    case 'I64':
      return integers(shape, narrow(new BigInt64Array(buffer, byteOffset, count), place));
    case 'I32':
      return integers(shape, new Int32Array(buffer, byteOffset, count));
    case 'I16':
      return integers(shape, Int32Array.from(new Int16Array(buffer, byteOffset, count)));
    case 'U16':
      return integers(shape, Int32Array.from(new Uint16Array(buffer, byteOffset, count)));
    case 'I8':
      return integers(shape, Int32Array.from(new Int8Array(buffer, byteOffset, count)));
    case 'U8':
    case 'BOOL':
      return integers(shape, Int32Array.from(aligned.subarray(0, count)));
    case 'U32':
    case 'U64':
    case 'F8_E5M2':
    case 'F8_E4M3':
      throw new UserError('MIM3006', `${place.file}: tensor ${place.name} is stored as ${dtype}, which this product does not read`, 'Save it as F32, F16 or BF16.');
    default:
      return dtype satisfies never;
  }
}

function floats(shape: readonly number[], data: Float32Array): HostTensor {
  return { shape, dtype: 'float32', data };
}

function integers(shape: readonly number[], data: Int32Array): HostTensor {
  return { shape, dtype: 'int32', data };
}

/** Typed arrays need their offset to be a multiple of the element's size. */
function alignTo(bytes: Uint8Array, size: number): Uint8Array {
  return bytes.byteOffset % size === 0 ? bytes : bytes.slice();
}

function narrow(values: BigInt64Array, place: TensorPlace): Int32Array {
  const narrowed = new Int32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const value = Number(values[i]);
    if (value !== (value | 0)) {
      throw new UserError('MIM3006', `${place.file}: tensor ${place.name} holds ${values[i]}, which does not fit in 32 bits`);
    }
    narrowed[i] = value;
  }
  return narrowed;
}

/** A bfloat16 is the upper half of a float32. */
function convertBfloat16(bits: Uint16Array): Float32Array {
  const wide = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) wide[i] = bits[i]! << 16;
  return new Float32Array(wide.buffer);
}
