import { expect, it } from 'vitest';
import { robustnessTable } from '../../../extension/cli/robustness-table';
import { EagerEngine } from '../../../extension/training/engines/eager/eager-engine';
import { linearProbe, PROBE_PRESETS } from '../../../extension/training/evaluation/linear-probe';
import { robustness } from '../../../extension/training/evaluation/robustness';
import { blobs } from './sets';

it('scores the linear probe of clean features on each corruption and severity', async () => {
  const engine = await EagerEngine.create('cpu');
  const [train, test] = [blobs(240, 3, 6, 0.4, 0), blobs(120, 3, 6, 0.4, 1)];
  const probe = { preset: PROBE_PRESETS.small, epochs: 10, seed: 0 };
  const asked: string[] = [];
  const features = (corruption: string, severity: number) => {
    asked.push(`${corruption} ${severity}`);
    return Promise.resolve(corruption === 'none' ? test : blobs(120, 3, 6, severity, 2));
  };
  const result = await robustness(engine, train, test, { ...probe, corrupted: { corruptions: ['none', 'spread'], severities: [1, 5], source: 'test', features } });
  expect(asked).toEqual(['none 1', 'none 5', 'spread 1', 'spread 5']);
  const linear = await linearProbe(engine, train, test, probe);
  expect(result).toMatchObject({ protocol: 'robustness', cleanTop1: linear.top1, blr: linear.blr, severities: [1, 5], trainImages: 240, testImages: 120 });
  expect(result.corruptedTop1.none).toEqual([linear.top1, linear.top1]);
  const [near, far] = result.corruptedTop1.spread!;
  expect(linear.top1).toBeGreaterThan(near!);
  expect(near).toBeGreaterThan(far!);
  expect(result.top1).toBeCloseTo((2 * linear.top1 + near! + far!) / 4, 12);
  expect(JSON.parse(JSON.stringify(result))).toEqual(result);
  const table = robustnessTable([{ subject: 'student', result }]);
  expect(table).toHaveLength(5);
  expect(table[0]).toMatch(/^subject {2}corruption +clean +severity 1 +severity 5$/);
  expect(robustnessTable([{ subject: 'student', result: linear }])).toEqual([]);
});
