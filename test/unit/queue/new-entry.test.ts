import { describe, expect, it } from 'vitest';
import { entryRecord, probeEntry, type EntryWishes } from '../../../extension/core/queue/new-entry';
import { resolvedOf } from '../config/experiment-of';

const spec = { kind: 'pretrain', configFile: 'experiment.yaml' } as const;

function needsOf(engine: string, wishes: EntryWishes = {}): object {
  const { device, gpu } = entryRecord(spec, 'a', resolvedOf(`engine: ${engine}`), wishes).needs;
  return { device, gpu };
}

describe('what an entry takes', () => {
  it.each(['wgsl', 'compiled-webgpu', 'tfjs-node-gpu', 'tfjs-webgpu'])('is a GPU with %s', (engine) => {
    expect(needsOf(engine)).toEqual({ device: 'gpu', gpu: undefined });
  });

  it.each(['auto', 'native', 'compiled-cpu', 'tfjs-wasm'])('is none with %s', (engine) => {
    expect(needsOf(engine)).toEqual({ device: 'cpu', gpu: undefined });
  });

  it('is the GPU whose number the experiment gives, and any where it gives a name', () => {
    expect(needsOf('{ kind: wgsl, device: 2 }')).toEqual({ device: 'gpu', gpu: 2 });
    expect(needsOf('{ kind: auto, device: 0 }')).toEqual({ device: 'gpu', gpu: 0 });
    expect(needsOf('{ kind: wgsl, device: H100 }')).toEqual({ device: 'gpu', gpu: undefined });
  });

  it('is what somebody says, where they say so', () => {
    expect(needsOf('auto', { device: 'gpu' })).toEqual({ device: 'gpu', gpu: undefined });
    expect(needsOf('{ kind: wgsl, device: 2 }', { device: 'cpu' })).toEqual({ device: 'cpu', gpu: undefined });
  });

  it('is for a probe what its training takes', () => {
    const training = entryRecord(spec, 'a', resolvedOf('engine: { kind: wgsl, device: 2 }'), {});
    const probe = { kind: 'evaluate', run: '', protocol: 'knn' } as const;
    expect(probeEntry(probe, training, {}).needs).toEqual(training.needs);
    expect(probeEntry(probe, training, { device: 'cpu' }).needs).not.toHaveProperty('gpu');
  });
});
