import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { checkTeacherFit } from '../../../extension/core/config/alignment-fit';
import { gmacPerImage } from '../../../extension/core/config/cost';
import { checkText } from '../../../extension/core/config/load';
import { isExperimentFile } from '../../../extension/core/config/parse';
import { expandSweep } from '../../../extension/core/config/sweep';

const folder = fileURLToPath(new URL('../../../examples', import.meta.url));
const examples = readdirSync(folder).filter((name) => name.endsWith('.yaml'));

function resolveExample(name: string) {
  return checkText(readFileSync(join(folder, name), 'utf8'), join(folder, name));
}

describe('examples', () => {
  test.each(examples)('%s is an experiment without a problem', (name) => {
    const text = readFileSync(join(folder, name), 'utf8');
    expect(isExperimentFile(name, text)).toBe(true);
    const { resolved, problems } = resolveExample(name);
    expect(problems).toEqual([]);
    expect(`${resolved?.name}.mim.yaml`, 'the name of the run is the name of the file').toBe(name);
  });

  test.each(examples)('%s starts with what it is for', (name) => {
    expect(readFileSync(join(folder, name), 'utf8')).toMatch(/^# \S/);
  });

  test.each([
    ['quickstart.mim.yaml', 'quickstart-teacher.mim.yaml'],
    ['maskalign-cifar10.mim.yaml', 'teacher-cifar10.mim.yaml'],
    ['mask-ratio-cifar10.mim.yaml', 'teacher-cifar10-small.mim.yaml'],
  ])('%s finds its teacher where %s leaves it, and it fits', (student, teacher) => {
    const pupil = resolveExample(student).resolved;
    const master = resolveExample(teacher).resolved;
    expect(pupil?.teacher?.checkpoint).toBe(join(master?.runs ?? '', master?.name ?? ''));
    expect(checkTeacherFit(pupil!, master!.student)).toEqual([]);
  });

  test('the paradigms are compared at equal compute', () => {
    const file = join(folder, 'paradigms-cifar10.mim.yaml');
    const { cells } = expandSweep(readFileSync(file, 'utf8'), file).sweep!;
    expect(cells).toHaveLength(24);
    const costs = cells.map(({ resolved }) => gmacPerImage(resolved).step * resolved.schedule.epochs);
    for (const cost of costs) expect(Math.abs(cost / costs[0]! - 1)).toBeLessThan(0.005);
  });

  test('the ImageNet example is the official recipe', () => {
    const resolved = resolveExample('maskalign-vit-base-clip.mim.yaml').resolved;
    expect(resolved?.derived).toEqual({ learningRate: 6e-4, levels: 'top5', patchCount: 196, keepCount: 58, microBatch: 128 });
  });
});
