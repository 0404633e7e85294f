/** Damage of the kinds that files suffer, or attackers do: for fuzzing parsers from small valid files. */
import fc from 'fast-check';

/** Runs of a property; CI raises it. */
export const FUZZ_RUNS = Number(process.env.FUZZ_RUNS ?? 2000);

/** Ms that a test of so many runs may take on a machine that is busy with other things. */
export const FUZZ_TIMEOUT = 60_000 + 30 * FUZZ_RUNS;

type Mutation = (bytes: Buffer) => Buffer;

const place = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
const extremes = fc.constantFrom(0, 1, 0x7f, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff);

const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.tuple(place, fc.nat(255)).map(([at, value]): Mutation => (bytes) => edited(bytes, (copy) => copy.writeUInt8(value, Math.floor(at * copy.length)), 1)),
  fc.tuple(place, fc.nat(7)).map(([at, bit]): Mutation => (bytes) => edited(bytes, (copy) => copy.writeUInt8(copy[Math.floor(at * copy.length)]! ^ (1 << bit), Math.floor(at * copy.length)), 1)),
  fc.tuple(place, extremes, fc.boolean()).map(
    ([at, value, little]): Mutation =>
      (bytes) =>
        edited(bytes, (copy) => (little ? copy.writeUInt32LE(value, Math.floor(at * (copy.length - 3))) : copy.writeUInt32BE(value, Math.floor(at * (copy.length - 3)))), 4),
  ),
  place.map((at): Mutation => (bytes) => bytes.subarray(0, Math.floor(at * bytes.length))),
  fc.tuple(place, place).map(([a, b]): Mutation => (bytes) => {
    const [from, to] = [Math.floor(Math.min(a, b) * bytes.length), Math.floor(Math.max(a, b) * bytes.length)];
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
  }),
  fc.tuple(place, fc.uint8Array({ maxLength: 20 })).map(([at, extra]): Mutation => (bytes) => Buffer.concat([bytes.subarray(0, Math.floor(at * bytes.length)), extra, bytes.subarray(Math.floor(at * bytes.length))])),
);

function edited(bytes: Buffer, edit: (copy: Buffer) => void, least: number): Buffer {
  if (bytes.length < least) return bytes;
  const copy = Buffer.from(bytes);
  edit(copy);
  return copy;
}

/** One of the files given, with one to four things wrong. */
export function damaged(...files: readonly Buffer[]): fc.Arbitrary<Buffer> {
  return fc.tuple(fc.constantFrom(...files), fc.array(mutation, { minLength: 1, maxLength: 4 })).map(([file, mutations]) => mutations.reduce((bytes, mutate) => mutate(bytes), file));
}
