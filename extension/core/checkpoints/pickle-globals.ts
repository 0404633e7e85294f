/**
 * The only names a pickle of weights may mention, and what calling them means here. Nothing is looked up, imported or
 * run: each is a small function from data to data.
 */
import { elementCount } from '../tensors';
import type { StoredDtype } from './dtypes';
import { kindOf, type PickleStorage, type PickleTensor, type PickleTuple, type PickleValue } from './pickle-values';

/** What went wrong in a pickle; the reader of the archive adds the file. */
export class PickleError extends Error {}

type Call = (args: readonly PickleValue[]) => PickleValue;

const storageTypes: Readonly<Record<string, StoredDtype>> = {
  'torch.FloatStorage': 'F32',
  'torch.DoubleStorage': 'F64',
  'torch.HalfStorage': 'F16',
  'torch.BFloat16Storage': 'BF16',
  'torch.LongStorage': 'I64',
  'torch.IntStorage': 'I32',
  'torch.ShortStorage': 'I16',
  'torch.CharStorage': 'I8',
  'torch.ByteStorage': 'U8',
  'torch.BoolStorage': 'BOOL',
};

const inert = (name: string): Call => () => ({ kind: 'inert', name });

const calls: Readonly<Record<string, Call>> = {
  'collections.OrderedDict': orderedDict,
  'torch._utils._rebuild_tensor_v2': ([storage, offset, shape, strides]) => tensor(storage, offset, shape, strides),
  'torch._utils._rebuild_parameter': ([data]) => expectTensor(data),
  'torch.Size': ([sizes]) => expectKind(sizes, 'tuple'),
  // SimMIM's settings; a dictionary.
  'yacs.config.CfgNode': orderedDict,
  'argparse.Namespace': inert('argparse.Namespace'),
  'numpy.core.multiarray.scalar': inert('numpy scalar'),
  'numpy._core.multiarray.scalar': inert('numpy scalar'),
  'numpy.dtype': inert('numpy.dtype'),
  '_codecs.encode': inert('bytes'),
};

/** Whether a pickle may mention this name at all. */
export function isAllowedGlobal(name: string): boolean {
  return Object.hasOwn(calls, name) || Object.hasOwn(storageTypes, name);
}

/** @throws PickleError where the arguments are not what the name takes. */
export function callGlobal(name: string, args: PickleTuple): PickleValue {
  const call = Object.hasOwn(calls, name) ? calls[name] : undefined;
  if (call === undefined) throw new PickleError(`it calls ${name}, which only names a type`);
  return call(args.items);
}

function orderedDict([pairs]: readonly PickleValue[]): PickleValue {
  if (pairs === undefined) return { kind: 'dict', entries: new Map() };
  const items = expectKind(pairs, 'list').items.map((pair) => expectKind(pair, 'tuple').items);
  return { kind: 'dict', entries: new Map(items.map(([key, value]) => [key ?? null, value ?? null])) };
}

/** `('storage', torch.FloatStorage, '0', 'cpu', 1234)`: how PyTorch points from the pickle to bytes of the archive. */
export function persistentStorage(id: PickleValue | undefined): PickleStorage {
  const [tag, type, key, , length] = expectKind(id, 'tuple').items;
  const dtype = type !== undefined && kindOf(type) === 'global' ? storageTypes[expectKind(type, 'global').name] : undefined;
  if (tag !== 'storage' || dtype === undefined || typeof key !== 'string' || !isSize(length)) throw new PickleError('it refers to a storage in an unknown way');
  return { kind: 'storage', key, dtype, length };
}

const MAX_DIMENSIONS = 16;

function tensor(storage: PickleValue | undefined, offset: PickleValue | undefined, shape: PickleValue | undefined, strides: PickleValue | undefined): PickleTensor {
  const base = expectKind(storage, 'storage');
  const sizes = sizeList(shape);
  const steps = sizeList(strides);
  if (!isSize(offset) || sizes.length !== steps.length || sizes.length > MAX_DIMENSIONS) throw new PickleError('it describes a tensor whose shape and strides do not fit');
  const count = elementCount(sizes);
  const last = sizes.reduce((position, size, axis) => position + (size - 1) * steps[axis]!, offset);
  if (count > 0 && (last >= base.length || count > base.length)) {
    throw new PickleError(`it describes a tensor [${sizes.join(', ')}] larger than its storage of ${base.length} elements`);
  }
  return { kind: 'tensor', storage: base, offset, shape: sizes, strides: steps };
}

function sizeList(value: PickleValue | undefined): number[] {
  const { items } = expectKind(value, 'tuple');
  if (items.length > MAX_DIMENSIONS || !items.every(isSize)) throw new PickleError('it describes a tensor with impossible sizes');
  return [...items] as number[];
}

function isSize(value: PickleValue | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function expectTensor(value: PickleValue | undefined): PickleTensor {
  return expectKind(value, 'tensor');
}

type OfKind<K> = Extract<PickleValue, { readonly kind: K }>;

/** @throws PickleError where the value is of another kind. */
export function expectKind<K extends 'tuple' | 'list' | 'dict' | 'global' | 'storage' | 'tensor'>(value: PickleValue | undefined, kind: K): OfKind<K> {
  if (value === undefined || kindOf(value) !== kind) throw new PickleError(`it has a ${value === undefined ? 'nothing' : kindOf(value)} where a ${kind} belongs`);
  return value as OfKind<K>;
}
