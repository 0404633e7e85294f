import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { withRankDevice } from '../../../extension/training/distributed/rank-device';

const deviceOf = async (kind: 'wgsl' | 'auto' | 'compiled-cpu', localRank: number, gpus: number, device?: number): Promise<unknown> => (await withRankDevice({ kind, device }, { localRank }, () => Promise.resolve(gpus))).given;

describe('the GPU of a rank', () => {
  beforeEach(() => void vi.stubEnv('CUDA_VISIBLE_DEVICES', undefined));
  afterEach(() => vi.unstubAllEnvs());

  it('is one a rank of a machine, round about', async () => {
    expect(await Promise.all([0, 1, 2, 3, 4].map((rank) => deviceOf('wgsl', rank, 4)))).toEqual([0, 1, 2, 3, 0]);
  });

  it('is left open where there is one, on the processor, and alone', async () => {
    expect(await deviceOf('wgsl', 1, 1)).toBeUndefined();
    expect(await deviceOf('auto', 1, 4)).toBeUndefined();
    expect(await deviceOf('compiled-cpu', 1, 4)).toBeUndefined();
    expect(await withRankDevice({ kind: 'wgsl' }, undefined)).toEqual({ kind: 'wgsl' });
  });

  it('is what was named', async () => {
    expect(await deviceOf('wgsl', 1, 4, 0)).toBeUndefined();
    vi.stubEnv('MIM_DEVICE', '3');
    expect(await deviceOf('wgsl', 1, 4)).toBeUndefined();
  });

  it('is the one that a launcher shows', async () => {
    vi.stubEnv('CUDA_VISIBLE_DEVICES', '5');
    expect(await deviceOf('wgsl', 1, 4)).toBeUndefined();
  });
});
