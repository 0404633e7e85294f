/**
 * PyTorch's zip files (`.bin`, `.pth`, `.pt` of torch.save since 1.6): a pickle that describes tensors, and their bytes
 * as entries beside it. Nothing in the file is executed.
 */
import { bytesOf, type ByteSource } from '../files/byte-source';
import { UserError } from '../problems';
import { elementCount, type HostTensor, type NamedTensors } from '../tensors';
import { bytesPerElement, toHostTensor } from './dtypes';
import { PickleError } from './pickle-globals';
import { readPickle } from './pickle';
import { kindOf, type PickleDict, type PickleTensor, type PickleValue } from './pickle-values';
import { openForReading } from './safetensors';
import type { TensorEntry, TensorSource } from './tensor-source';
import { openZip, readZipEntry, readZipRange, type ZipArchive } from './zip';

const MAX_PICKLE_BYTES = 16 << 20;

/** Dictionaries that hold the weights beside other things, tried in this order. */
const WRAPPERS = ['model', 'state_dict', 'teacher', 'model_state_dict', 'module', 'student'];
const MAX_WRAPPERS = 4;

/** Tensors may share storages (tied weights); beyond this many times over, the file is made to fill memory. */
const MAX_SHARING = 8;

/**
 * Opens a file and reads what it describes, not yet the values.
 * @throws UserError MIM3007 (damaged), MIM3008 (refused content), MIM3009 (a format that must be converted).
 */
export async function openPytorch(file: string): Promise<TensorSource> {
  const handle = await openForReading(file);
  try {
    return { ...(await describePytorch(await bytesOf(handle), file)), close: () => handle.close() };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** The same over bytes from anywhere; `file` is for messages. */
export async function describePytorch(bytes: ByteSource, file: string): Promise<Omit<TensorSource, 'close'>> {
  const start = await bytes.read(0, 1);
  if (start?.[0] === 0x80) throw legacy(file);
  const archive = await openZip(bytes, file);
  const root = await findRoot(archive);
  const tensors = findTensors(await readDescription(archive, root), file);
  return {
    file,
    kind: 'pytorch',
    entries: new Map([...tensors].map(([name, tensor]): [string, TensorEntry] => [name, { dtype: tensor.storage.dtype, shape: tensor.shape }])),
    metadata: {},
    read: (name) => readTensor(archive, root, name, tensors.get(name)),
  };
}

/** All tensors of a file. @throws UserError as openPytorch does. */
export async function readPytorchZip(file: string): Promise<NamedTensors> {
  const source = await openPytorch(file);
  try {
    const tensors: NamedTensors = {};
    for (const name of source.entries.keys()) tensors[name] = await source.read(name);
    return tensors;
  } finally {
    await source.close();
  }
}

function legacy(file: string): UserError {
  return new UserError(
    'MIM3009',
    `${file} is in PyTorch's format of before version 1.6`,
    "Convert it in Python: `torch.save(torch.load(f, map_location='cpu', weights_only=True), g)`, or save it as safetensors.",
  );
}

/** The folder inside the archive in which everything lies; its name is that of the file when it was saved. */
async function findRoot(archive: ZipArchive): Promise<string> {
  const pickle = [...archive.entries.keys()].find((name) => /^[^/]+\/data\.pkl$/.test(name));
  if (pickle === undefined) throw new UserError('MIM3009', `${archive.file} is a zip archive but not one of torch.save`, 'Point at the weights themselves.');
  const root = pickle.slice(0, -'data.pkl'.length);
  if (archive.entries.has(`${root}constants.pkl`)) {
    throw new UserError(
      'MIM3009',
      `${archive.file} is a TorchScript program, not a file of weights`,
      "Convert it in Python: `torch.save(torch.jit.load(f, map_location='cpu').state_dict(), g)`.",
    );
  }
  const byteOrder = archive.entries.get(`${root}byteorder`);
  if (byteOrder !== undefined && new TextDecoder().decode(await readZipEntry(archive, byteOrder)).trim() !== 'little') {
    throw new UserError('MIM3009', `${archive.file} was saved on a big-endian machine`, 'Save it as safetensors.');
  }
  return root;
}

async function readDescription(archive: ZipArchive, root: string): Promise<PickleValue> {
  const entry = archive.entries.get(`${root}data.pkl`)!;
  if (entry.bytes > MAX_PICKLE_BYTES) throw refused(archive.file, `its description takes ${entry.bytes} bytes`);
  const bytes = await readZipEntry(archive, entry);
  try {
    return readPickle(bytes);
  } catch (error) {
    throw error instanceof PickleError ? refused(archive.file, error.message) : error;
  }
}

function refused(file: string, why: string): UserError {
  return new UserError(
    'MIM3008',
    `${file} is not read: ${why}`,
    "If you trust it, convert it in Python: `safetensors.torch.save_file(state_dict, 'model.safetensors')`.",
  );
}

/** The state dict, out of whatever wraps it. */
function findTensors(description: PickleValue, file: string): Map<string, PickleTensor> {
  const tensors = unwrap(description, MAX_WRAPPERS);
  if (tensors.size === 0) throw refused(file, 'it holds no tensors by name');
  let elements = 0;
  const storages = new Map<string, number>();
  for (const [name, { shape, storage }] of tensors) {
    if (name === '__proto__') throw refused(file, 'it has a tensor of a name that is not allowed');
    elements += elementCount(shape);
    storages.set(storage.key, storage.length);
  }
  const stored = [...storages.values()].reduce((sum, length) => sum + length, 0);
  if (elements > MAX_SHARING * stored) throw refused(file, `its tensors have ${elements} elements, made of ${stored}`);
  return tensors;
}

function unwrap(value: PickleValue, depth: number): Map<string, PickleTensor> {
  const none = new Map<string, PickleTensor>();
  if (depth === 0 || !isDict(value)) return none;
  for (const wrapper of WRAPPERS) {
    const inside = unwrap(value.entries.get(wrapper) ?? null, depth - 1);
    if (inside.size > 0) return inside;
  }
  for (const [name, entry] of value.entries) if (typeof name === 'string' && isTensor(entry)) none.set(name, entry);
  return none;
}

function isDict(value: PickleValue): value is PickleDict {
  return kindOf(value) === 'dict';
}

function isTensor(value: PickleValue): value is PickleTensor {
  return kindOf(value) === 'tensor';
}

async function readTensor(archive: ZipArchive, root: string, name: string, tensor: PickleTensor | undefined): Promise<HostTensor> {
  const { file } = archive;
  if (tensor === undefined) throw new UserError('MIM3003', `${file} has no tensor ${name}`);
  const { storage, shape, strides, offset } = tensor;
  const count = elementCount(shape);
  if (count === 0) return toHostTensor(new Uint8Array(), storage.dtype, shape, { file, name });
  const entry = archive.entries.get(`${root}data/${storage.key}`);
  if (entry === undefined) throw new UserError('MIM3007', `${file} lacks the bytes of tensor ${name}`, 'It may be damaged; fetch or save it again.');
  const size = bytesPerElement(storage.dtype);
  const span = shape.reduce((last, length, axis) => last + (length - 1) * strides[axis]!, 0) + 1;
  const bytes = await readZipRange(archive, entry, offset * size, span * size);
  const packed = isContiguous(shape, strides) ? bytes : gather(bytes, size, shape, strides);
  return toHostTensor(packed, storage.dtype, shape, { file, name });
}

function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== expected) return false;
    expected *= shape[axis]!;
  }
  return true;
}

/** Row-major bytes of a strided view whose first element is the first of `bytes`. */
function gather(bytes: Uint8Array, size: number, shape: readonly number[], strides: readonly number[]): Uint8Array {
  const packed = new Uint8Array(elementCount(shape) * size);
  const index = shape.map(() => 0);
  let from = 0;
  for (let to = 0; to < packed.length; to += size) {
    for (let byte = 0; byte < size; byte++) packed[to + byte] = bytes[from * size + byte]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      from -= shape[axis]! * strides[axis]!;
      index[axis] = 0;
    }
  }
  return packed;
}
