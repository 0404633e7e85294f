import { describe, expect, it } from 'vitest';
import { argumentsOf, placeOf } from '../../../extension/core/jobs/arguments';

describe('the command line of a job', () => {
  it('carries what was asked for, one argument a value', () => {
    expect(argumentsOf({ kind: 'pretrain', configFile: '/lab/my run.mim.yaml', set: { 'masking.ratio': '0.5', seed: '1' }, name: 'half' })).toEqual([
      'pretrain', '/lab/my run.mim.yaml', '--set', 'masking.ratio=0.5', '--set', 'seed=1', '--name', 'half',
    ]);
    expect(argumentsOf({ kind: 'resume', run: '/runs/a', step: 0 })).toEqual(['resume', '/runs/a', '--step', '0']);
    expect(argumentsOf({ kind: 'evaluate', run: '/runs/a', step: 10, protocol: 'linear', preset: 'mae', features: 'mean' })).toEqual([
      'evaluate', '/runs/a', '--step', '10', '--protocol', 'linear', '--preset', 'mae', '--features', 'mean',
    ]);
    expect(argumentsOf({ kind: 'evaluate', run: '/runs/a', protocol: 'knn', layers: [1, 6] }).slice(2)).toEqual(['--protocol', 'knn', '--layers', '1,6']);
    expect(argumentsOf({ kind: 'sweep', configFile: '/lab/s.mim.yaml' })).toEqual(['sweep', '/lab/s.mim.yaml']);
  });

  it('starts beside what it is about', () => {
    expect(placeOf({ kind: 'sweep', configFile: '/lab/s.mim.yaml' })).toEqual({ needs: '/lab/s.mim.yaml', cwd: '/lab' });
    expect(placeOf({ kind: 'resume', run: '/runs/a' }).cwd).toBe('/runs/a');
  });
});
