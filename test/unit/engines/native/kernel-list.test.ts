import { describe, expect, it } from 'vitest';
import type { Dtype, OpName } from '../../../../extension/training/engines/compiled/ir';
import type { Compute, Expression } from '../../../../extension/training/engines/native/expression';
import { kernelOf, type Kernel } from '../../../../extension/training/engines/native/kernel';
import { KernelList, type MapParts } from '../../../../extension/training/engines/native/kernel-list';
import { nativeSupport } from '../../../../extension/training/engines/native/native-support';
import { randomNumbers, runKernel, WAYS, wholeLoad, type Numbers } from './run-kernel';

const [X, Y, SUM, PRODUCT, MORE, OTHER] = [1, 2, 3, 4, 5, 6];
const SHAPE = [30, 40];
const COUNT = 1200;

const of = (op: OpName, ...operands: Expression[]): Compute => ({ kind: 'compute', op, dtype: 'float32' as Dtype, attrs: {}, operands });
const load = (root: number): Expression => wholeLoad(root, SHAPE);
const map = (root: number, expression: Expression, shape: readonly number[] = SHAPE): MapParts => ({ name: 'Map', shape, expression, to: { root, offset: 0, strides: shape.length === 2 ? [40, 1] : [1] } });
/** Anything that is no map. */
const other = (reads: readonly number[], writes: readonly number[]): Kernel => {
  const pointers = (roots: readonly number[]) => roots.map((root) => ({ root, offset: 0 }));
  return kernelOf({ name: 'Other', code: new Uint8Array(1), views: pointers([...reads, ...writes]), writes: pointers(writes), units: 1, work: 1 });
};
const names = (kernels: readonly Kernel[]): string[] => kernels.map(({ name, reads, writes }) => `${name} ${reads.join(',')} -> ${writes.join(',')}`);

describe('kernels in order', () => {
  it('are one where they compute of the same elements, each result of which others are made included', () => {
    const list = new KernelList(1);
    list.map(map(SUM, of('Add', load(X), load(Y))));
    list.push(other([OTHER], [MORE]));
    list.map(map(PRODUCT, of('Mul', load(SUM), load(X))));
    expect(names(list.finish(new Set([SUM, PRODUCT, MORE])))).toEqual([`Map ${X},${Y} -> ${SUM},${PRODUCT}`, `Other ${OTHER} -> ${MORE}`]);
  });

  it('do not write what nothing reads', () => {
    const list = new KernelList(1);
    list.map(map(SUM, of('Add', load(X), load(Y))));
    list.map(map(PRODUCT, of('Mul', load(SUM), load(X))));
    list.map(map(OTHER, of('Neg', load(Y))));
    expect(names(list.finish(new Set([PRODUCT])))).toEqual([`Map ${X},${Y} -> ${PRODUCT}`]);
  });

  it('stay apart where one needs what is made between them, or overwrites it, or has other elements', () => {
    const list = new KernelList(1);
    list.map(map(SUM, of('Add', load(X), load(Y))));
    list.push(other([SUM], [OTHER]));
    list.map(map(PRODUCT, of('Mul', load(X), load(OTHER))));
    list.push(other([X], [MORE]));
    list.map(map(MORE, of('Neg', load(X))));
    list.map(map(7, of('Neg', wholeLoad(X, [COUNT])), [COUNT]));
    expect(list.finish(new Set([PRODUCT, MORE, 7]))).toHaveLength(6);
  });

  it('are computed beside what they are made of, however long ago that was, if that is asked for', () => {
    const list = new KernelList(1);
    list.map(map(SUM, of('Add', load(X), load(Y))));
    for (let i = 0; i < 60; i++) list.push(other([SUM], [OTHER]));
    list.map(map(MORE, of('Neg', load(X))));
    expect(list.mapEarly(map(PRODUCT, of('Mul', load(Y), load(Y))))).toBe(true);
    expect(list.mapEarly(map(8, of('Neg', load(9))))).toBe(false);
    const kernels = list.finish(new Set([PRODUCT, MORE, OTHER]));
    expect([kernels[0]!.writes, kernels.at(-1)!.writes, kernels.length]).toEqual([[SUM, PRODUCT], [MORE], 62]);
  });

  it('are several where their results together would be too many for the registers', () => {
    const list = new KernelList(1);
    const roots = Array.from({ length: 40 }, (_, i) => 10 + i);
    for (const root of roots) list.map(map(root, of('Add', of('Mul', load(X), load(Y)), { kind: 'number', dtype: 'float32', number: root })));
    const kernels = list.finish(new Set(roots));
    expect(kernels.flatMap(({ writes }) => writes)).toEqual(roots);
    expect(kernels.length).toBeGreaterThan(1);
  });

  it('write single columns that are read much later', () => {
    const list = new KernelList(1);
    const rows = 2 ** 17;
    const column = { root: X, offset: 0, strides: [1, 1] };
    list.map({ name: 'Map', shape: [rows, 1], expression: of('Neg', wholeLoad(Y, [rows, 1])), to: { ...column, strides: [16, 1] } });
    for (let i = 0; i < 60; i++) list.push(other([OTHER], [MORE]));
    list.push(other([X], [SUM]));
    expect(list.finish(new Set([SUM, MORE]))).toHaveLength(62);
  });

  it('arrange a value where it is made', () => {
    const list = new KernelList(1);
    list.push(other([X], [SUM]), other([SUM], [OTHER]));
    list.pushEarly(other([SUM], [MORE]));
    list.pushEarly(other([Y], [PRODUCT]));
    expect(names(list.finish(new Set([MORE, PRODUCT])))).toEqual([`Other ${X} -> ${SUM}`, `Other ${SUM} -> ${MORE}`, `Other ${SUM} -> ${OTHER}`, `Other ${Y} -> ${PRODUCT}`]);
  });

  it.skipIf(nativeSupport() !== undefined)('compute what each would alone, in the place of what they read too', async () => {
    const list = new KernelList(1);
    list.map(map(SUM, of('Add', load(X), load(Y))));
    list.map(map(PRODUCT, of('Mul', load(SUM), load(SUM))));
    const [kernel] = list.finish(new Set([SUM, PRODUCT])) as [Kernel];
    expect([...kernel.overwrites].sort()).toEqual([X, Y]);
    const [x, y] = [randomNumbers(COUNT, 1), randomNumbers(COUNT, 2)];
    const sums = x.map((number, i) => number + y[i]!);
    for (const way of WAYS) {
      const found = await runKernel(kernel, new Map<number, Numbers>([[X, x], [Y, y], [SUM, new Float32Array(COUNT)], [PRODUCT, new Float32Array(COUNT)]]), way);
      expect([found.get(SUM), found.get(PRODUCT)]).toEqual([sums, sums.map((number) => number * number)]);
    }
  });
});
