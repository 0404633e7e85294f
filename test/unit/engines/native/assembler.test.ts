import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Assembler } from '../../../../extension/training/engines/native/assembler';
import { CASES } from './assembler-cases';

const fixture = JSON.parse(readFileSync(new URL('assembler-fixture.json', import.meta.url), 'utf8')) as Record<string, string>;

const bytesOf = (emit: (assembler: Assembler) => void): string => {
  const assembler = new Assembler();
  emit(assembler);
  return Buffer.from(assembler.code()).toString('hex');
};

describe('assembler', () => {
  it('writes the bytes of GNU as', () => {
    expect(new Set(CASES.map(({ text }) => text)).size).toBe(CASES.length);
    expect(Object.fromEntries(CASES.map(({ text, emit }) => [text, bytesOf(emit)]))).toEqual(fixture);
  });

  it('refuses a number that is not whole', () => {
    for (const value of [1.5, NaN, -Infinity]) expect(() => bytesOf((a) => a.movImm(0, value)), String(value)).toThrow(RangeError);
  });

  it('gives no code with a jump to nowhere', () => {
    expect(() => bytesOf((a) => a.jmp(a.label()))).toThrow();
  });
});
