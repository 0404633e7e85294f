import fc from 'fast-check';
import { expect, it, vi } from 'vitest';
import { readPickle } from '../../extension/core/checkpoints/pickle';
import { PickleError } from '../../extension/core/checkpoints/pickle-globals';
import { describePytorch } from '../../extension/core/checkpoints/pytorch';
import { UserError } from '../../extension/core/problems';
import { elementCount } from '../../extension/core/tensors';
import { dict, emptyDict, emptyList, emptyTuple, get, global, integer, mark, pickle, put, reduce, tensor, text, torchFile, tuple, zipOf } from '../unit/checkpoints/torch-file';
import { FUZZ_RUNS, FUZZ_TIMEOUT } from './data-mutations';
import { jealousBytes } from './jealous-bytes';

vi.setConfig({ testTimeout: FUZZ_TIMEOUT });

const share = (part: number): { numRuns: number } => ({ numRuns: Math.max(1, Math.round(FUZZ_RUNS * part)) });

async function readAll(bytes: Uint8Array): Promise<void> {
  try {
    const source = await describePytorch(jealousBytes(bytes), 'f');
    for (const [name, { shape }] of source.entries) expect((await source.read(name)).data.length).toBe(elementCount(shape));
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
  }
}

function interpret(bytes: Uint8Array): void {
  try {
    readPickle(bytes);
  } catch (error) {
    if (!(error instanceof PickleError)) throw error;
  }
}

const good = pickle(dict(['model', dict(['w', tensor({ length: 4, shape: [2, 2], strides: [1, 2] })], ['v', tensor({ length: 4, shape: [4], strides: [1] })])], ['epoch', integer(3)]));

it('any bytes are either a pickle of data or said not to be', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), interpret), share(0.2));
});

/** Fragments that mean something, so that random sequences of them get far. */
const fragment = fc.oneof(
  fc.constantFrom(mark, reduce, emptyTuple, emptyList, emptyDict, ...[0x30, 0x31, 0x32, 0x61, 0x65, 0x73, 0x75, 0x62, 0x81, 0x85, 0x86, 0x87, 0x74, 0x6c, 0x64, 0x51, 0x93, 0x94, 0x90].map((code) => Buffer.from([code]))),
  fc.nat(3).map(put),
  fc.nat(3).map(get),
  fc.constantFrom('storage', 'model', '0', 'os', 'system', '__proto__').map(text),
  fc.constantFrom(0, 1, -1, 2 ** 40).map(integer),
  fc.constantFrom(['os', 'system'], ['builtins', 'eval'], ['collections', 'OrderedDict'], ['torch._utils', '_rebuild_tensor_v2'], ['torch', 'FloatStorage'], ['torch', 'Size'], ['argparse', 'Namespace']).map(([module, name]) => global(module!, name!)),
  fc.constantFrom(tensor({ length: 4, shape: [4], strides: [1] }), tuple(text('a'), integer(1))),
);

it('any program of a pickle ends, with data or a refusal', () => {
  fc.assert(fc.property(fc.array(fragment, { maxLength: 40 }), (fragments) => interpret(pickle(...fragments))), share(0.4));
});

it('no program of a pickle gets hold of a name outside the whitelist', () => {
  const name = fc.string({ minLength: 1, maxLength: 12 }).filter((part) => !part.includes('\n'));
  fc.assert(
    fc.property(name, name, (module, attribute) => {
      expect(() => readPickle(pickle(global(module, attribute), emptyTuple, reduce))).toThrow(PickleError);
    }),
    share(0.1),
  );
});

it('a good pickle with bytes changed or cut never does more than complain', () => {
  const edits = fc.array(fc.tuple(fc.nat(good.byteLength - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(edits, fc.option(fc.nat(good.byteLength)), (changes, cut) => {
      const bytes = Uint8Array.from(good);
      for (const [at, value] of changes) bytes[at] = value;
      interpret(cut === null ? bytes : bytes.subarray(0, cut));
    }),
    share(0.15),
  );
});

it('a good archive with bytes changed or cut never does more than complain, nor reads more than it has', async () => {
  const storage = { 0: new Uint8Array(16) };
  const archives = [
    torchFile(good, storage),
    zipOf([{ name: 'a/data.pkl', data: good, deflate: true }, { name: 'a/data/0', data: storage[0], deflate: true, zip64: true }]),
  ];
  const edit = fc.tuple(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), fc.constantFrom(0, 1, 8, 0x7f, 0xff));
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...archives), fc.array(edit, { minLength: 1, maxLength: 4 }), fc.option(fc.nat(2000), { freq: 4 }), async (archive, changes, cut) => {
      const bytes = Uint8Array.from(archive);
      // Most of what can go wrong is in the directory, the last third.
      for (const [where, value] of changes) bytes[Math.floor(bytes.length * Math.cbrt(where))] = value;
      await readAll(cut === null ? bytes : bytes.subarray(0, cut));
    }),
    share(0.15),
  );
});
