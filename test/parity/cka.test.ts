/** Centred kernel alignment equals the formulas in float64 (fixtures/cka.py). */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Representation } from '../../extension/training/diagnostics/cka';
import { MinibatchCka, linearCka, unbiasedHsic } from '../../extension/training/diagnostics/cka';

interface Golden {
  readonly batch: number;
  readonly x: readonly number[][];
  readonly cases: readonly { name: string; y: number[][]; hsic1: number; linear: number; minibatch: number }[];
}

const golden = JSON.parse(readFileSync(new URL('fixtures/cka.json', import.meta.url), 'utf8')) as Golden;

function representation(rows: readonly number[][]): Representation {
  return { features: Float64Array.from(rows.flat()), width: rows[0]!.length };
}

/** XXᵀ */
function kernel(rows: readonly number[][]): Float64Array {
  return Float64Array.from(rows.flatMap((a) => rows.map((b) => a.reduce((sum, value, d) => sum + value * b[d]!, 0))));
}

describe.each(golden.cases)('the likeness of a representation and $name', ({ y, hsic1, linear, minibatch }) => {
  const { x, batch } = golden;

  it('by linear CKA is the golden value', () => {
    expect(linearCka(representation(x), representation(y))).toBeCloseTo(linear, 12);
  });

  it('by unbiased HSIC is the mean over distinct quadruples', () => {
    expect(unbiasedHsic(kernel(x.slice(0, batch)), kernel(y.slice(0, batch)), batch) / hsic1).toBeCloseTo(1, 12);
  });

  it('by minibatch CKA is the golden value', () => {
    const cka = new MinibatchCka();
    for (let first = 0; first < x.length; first += batch) cka.add(representation(x.slice(first, first + batch)), representation(y.slice(first, first + batch)));
    expect(cka.value()).toBeCloseTo(minibatch, 12);
  });
});
