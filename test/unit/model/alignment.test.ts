import { describe, expect, it } from 'vitest';
import { resolveLevels } from '../../../extension/core/config/levels';
import { UserError } from '../../../extension/core/problems';
import { createMethod } from '../../../extension/training/methods/create';
import { ALIGNMENT_WEIGHTS, initialAlignment } from '../../../extension/training/methods/dynamic-alignment';
import { levelWeights } from '../../../extension/training/methods/levels';
import { RandomStream } from '../../../extension/training/random';
import { MICRO_STUDENT, experiment, randomTeacher } from './experiments';

describe('weights of the teacher levels', () => {
  it('are those of the official code', () => {
    expect(levelWeights('mean', 4)).toEqual([0.25, 0.25, 0.25, 0.25]);
    expect(levelWeights('out', 3)).toEqual([0, 0, 1]);
    expect(levelWeights('top5', 12)).toEqual([0, 0, 0, 0, 0, 0, 0, 0.2, 0.2, 0.2, 0.2, 0.2]);
    expect(levelWeights('mid6', 12).indexOf(1)).toBe(6);
    const decay = levelWeights('linear_decay', 4);
    expect(decay[0]).toBe(0);
    expect(decay[3]! / decay[1]!).toBeCloseTo(3, 12);
  });

  it('sum to 1 for every depth', () => {
    for (const name of ['mean', 'out', 'linear_decay', 'auto', 'top2', 'mid1']) {
      for (const depth of [2, 3, 12, 24]) expect(levelWeights(name, depth).reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 12);
    }
  });

  it('scale the top 5 of 12 with the depth', () => {
    expect([1, 3, 6, 12, 24].map((depth) => resolveLevels('auto', depth))).toEqual(['top1', 'top1', 'top3', 'top5', 'top10']);
  });

  it.each([['top4', 3], ['mid3', 3], ['linear_decay', 1], ['best', 3]] as const)('refuse %s of %i levels', (name, depth) => {
    expect(() => levelWeights(name, depth)).toThrow(UserError);
  });
});

describe('alignment weights at the start', () => {
  it('are the identity plus 0.01 on every entry for `linear`', () => {
    const { data, shape } = initialAlignment('linear', 3, 3)[ALIGNMENT_WEIGHTS]!;
    expect(shape).toEqual([3, 3]);
    const [diagonal, off] = [Math.fround(1.01), Math.fround(0.01)];
    expect(Array.from(data)).toEqual([diagonal, off, off, off, diagonal, off, off, off, diagonal]);
  });

  it('are 1/N for `sum`, M by N', () => {
    const { data, shape } = initialAlignment('sum', 4, 2)[ALIGNMENT_WEIGHTS]!;
    expect(shape).toEqual([2, 4]);
    expect(new Set(data)).toEqual(new Set([0.25]));
  });

  it('do not exist for `simple`', () => {
    expect(initialAlignment('simple', 3, 3)).toEqual({});
  });
});

describe('MaskAlign', () => {
  const aligned = (alignment: object, student = MICRO_STUDENT) =>
    createMethod(experiment({ alignment, teacher: { checkpoint: 'teacher' } }, student), { teacher: randomTeacher() });

  it('pairs levels one to one only where student and teacher are equally deep', () => {
    const shallow = { ...MICRO_STUDENT, depth: 2 };
    expect(() => aligned({ fusion: 'linear' }, shallow)).toThrow(/the student has 2 and the teacher 3/);
    expect(() => aligned({ fusion: 'simple' }, shallow)).toThrow(UserError);
    expect(aligned({ fusion: 'sum' }, shallow).parameters[ALIGNMENT_WEIGHTS]!.shape).toEqual([3, 2]);
  });

  it('has an adaptor for each teacher level, or each student level where adaptors come first', () => {
    const shallow = { ...MICRO_STUDENT, depth: 2 };
    const adaptors = (order: string): number => Object.keys(aligned({ fusion: 'sum', order }, shallow).parameters).filter((name) => /adaptors\.\d+\.weight/.test(name)).length;
    expect(adaptors('mix-then-adapt')).toBe(3);
    expect(adaptors('adapt-then-mix')).toBe(2);
  });

  it('decays matrices and the CLS token, but no bias, norm or alignment weight', () => {
    const method = aligned({});
    const decayed = Object.entries(method.parameters).filter(([name, { shape }]) => method.decays(name, shape)).map(([name]) => name);
    expect(decayed).toContain('cls_token');
    expect(decayed).toContain('method.adaptors.2.weight');
    expect(decayed.some((name) => /bias|norm|alignment/.test(name))).toBe(false);
  });

  it('does not read the final norm or the adaptors of levels without weight', () => {
    const method = aligned({ levels: 'top1' });
    const unread = Object.keys(method.parameters).filter((name) => !method.reads(name));
    expect(unread.sort()).toEqual(['method.adaptors.0.bias', 'method.adaptors.0.weight', 'method.adaptors.1.bias', 'method.adaptors.1.weight', 'norm.bias', 'norm.weight']);
  });

  it('keeps no teacher tensor that its loss does not read', () => {
    expect(Object.keys(aligned({}).constants).some((name) => /^teacher\.(norm|head)\./.test(name))).toBe(false);
  });

  it('starts from the same weights for the same seed', () => {
    const method = aligned({});
    const draw = (seed: number) => method.initialise(new RandomStream(seed, 'initialise'))['blocks.0.mlp.fc1.weight']!.data;
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
  });

  it('refuses a ratio that leaves no patch visible', () => {
    const resolved = experiment({ masking: { ratio: 0.95 }, teacher: { checkpoint: 'teacher' } });
    expect(() => createMethod(resolved, { teacher: randomTeacher() })).toThrow(/none of the 16 patches/);
  });

  it('asks for a teacher, and `supervised` for classes', () => {
    expect(() => createMethod(experiment({}), {})).toThrow(/needs a teacher/);
    expect(() => createMethod(experiment({ method: 'supervised' }), { classCount: 1 })).toThrow(/two classes/);
  });
});
