import fc from 'fast-check';
import { expect, it, vi } from 'vitest';
import { readHeader, readStored } from '../../extension/core/checkpoints/safetensors';
import { headerLength, MAX_HEADER_BYTES, parseSafetensorsHeader } from '../../extension/core/checkpoints/safetensors-header';
import { elementCount } from '../../extension/core/tensors';
import { UserError } from '../../extension/core/problems';
import { FUZZ_RUNS, FUZZ_TIMEOUT } from './data-mutations';
import { jealousBytes } from './jealous-bytes';

vi.setConfig({ testTimeout: FUZZ_TIMEOUT });

const share = (part: number): { numRuns: number } => ({ numRuns: Math.max(1, Math.round(FUZZ_RUNS * part)) });

function withLength(json: Uint8Array, body: Uint8Array, length = BigInt(json.byteLength)): Uint8Array {
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(length);
  return Buffer.concat([prefix, json, body]);
}

/** Either everything about the file holds, or the user is told. */
async function readAll(bytes: Uint8Array): Promise<void> {
  try {
    const source = jealousBytes(bytes);
    const header = await readHeader(source, 'f');
    for (const [name, { shape }] of header.tensors) {
      const tensor = await readStored(source, header, name, 'f');
      expect(tensor.data.length).toBe(elementCount(shape));
    }
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
  }
}

it('any bytes are either a safetensors file or said not to be', async () => {
  await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 64 }), readAll), share(0.2));
});

it('any JSON behind an honest length is either a header or said not to be', async () => {
  const json = fc.json({ maxDepth: 3 }).map((text) => Buffer.from(text));
  await fc.assert(fc.asyncProperty(json, fc.uint8Array({ maxLength: 16 }), (header, body) => readAll(withLength(header, body))), share(0.2));
});

it('any length is taken for what it is', () => {
  fc.assert(
    fc.property(fc.bigInt(0n, 2n ** 64n - 1n), fc.nat(), (length, size) => {
      const prefix = Buffer.alloc(8);
      prefix.writeBigUInt64LE(length);
      try {
        expect(BigInt(headerLength(prefix, size, 'f'))).toBe(length);
        expect(length).toBeLessThanOrEqual(BigInt(Math.min(size - 8, MAX_HEADER_BYTES)));
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
      }
    }),
    share(0.1),
  );
});

const size = fc.oneof({ weight: 6, arbitrary: fc.nat(5) }, fc.constantFrom(-1, 0.5, 2 ** 31, 2 ** 53, 1e308, null, '1'));
const entry = fc.record({
  dtype: fc.oneof({ weight: 8, arbitrary: fc.constantFrom('F32', 'F16', 'BF16', 'F64', 'I64', 'I32', 'U8', 'I8', 'BOOL', 'F8_E5M2') }, fc.constantFrom('F33', '__proto__', 3)),
  shape: fc.array(size, { maxLength: 3 }),
  data_offsets: fc.oneof({ weight: 6, arbitrary: fc.tuple(fc.nat(24), fc.nat(24)) }, fc.array(size, { maxLength: 3 })),
});

it('tensors that are accepted cover the file exactly, without overlap', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string({ maxLength: 4 }), entry, { maxKeys: 4 }), fc.nat(40), (tensors, body) => {
      try {
        const header = parseSafetensorsHeader(Buffer.from(JSON.stringify(tensors)), body, 'f');
        const owners = new Uint8Array(body);
        for (const { begin, end } of header.tensors.values()) for (let at = begin; at < end; at++) owners[at]!++;
        expect([...owners].every((count) => count === 1)).toBe(true);
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
      }
    }),
    share(0.3),
  );
});

it('a good file with bytes changed, cut or added never does more than complain', async () => {
  const good = withLength(
    Buffer.from(JSON.stringify({ a: { dtype: 'F32', shape: [2, 2], data_offsets: [0, 16] }, b: { dtype: 'I64', shape: [1], data_offsets: [16, 24] } })),
    new Uint8Array(24),
  );
  const edits = fc.array(fc.tuple(fc.nat(good.byteLength - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(edits, fc.option(fc.nat(good.byteLength)), async (changes, cut) => {
      const bytes = Uint8Array.from(good);
      for (const [at, value] of changes) bytes[at] = value;
      await readAll(cut === null ? bytes : bytes.subarray(0, cut));
    }),
    share(0.2),
  );
});
