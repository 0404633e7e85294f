import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createEngine, probeEngines } from '../../../extension/training/engines/create';

// What somebody has installed is no part of it.
beforeEach(() => vi.stubEnv('MIM_ENGINES', '/nowhere'));
afterEach(() => {
  vi.unstubAllEnvs();
  vi.doUnmock('onnxruntime-node');
});

describe('probeEngines', () => {
  it('reports on every engine', async () => {
    const probes = await probeEngines();
    expect(probes.map(({ kind, works }) => [kind, works])).toEqual([['tfjs-node-gpu', false], ['compiled-cpu', true], ['tfjs-webgpu', false], ['tfjs-wasm', true], ['tfjs-cpu', true]]);
    expect(probes[1]!.detail).toMatch(/onnxruntime \d/);
  });
});

describe('createEngine', () => {
  it('opens the engine that is named', async () => {
    for (const kind of ['compiled-cpu', 'tfjs-cpu', 'tfjs-wasm'] as const) {
      const { engine, reason } = await createEngine({ kind, threads: 1 });
      expect(engine.kind).toBe(kind);
      expect(engine.threads).toBe(1);
      expect(reason).toMatch(new RegExp(`^The experiment asks for ${kind}: .*\\.$`));
      await engine.dispose();
    }
  });

  it('chooses the compiled engine by itself, with every core', async () => {
    const { engine, reason } = await createEngine({ kind: 'auto', threads: 0 });
    expect(engine.kind).toBe('compiled-cpu');
    expect(engine.threads).toBeGreaterThan(0);
    expect(reason).toMatch(/^Chose compiled-cpu, the fastest that works here: /);
  });

  it('says which engines it passed over and why', async () => {
    vi.resetModules();
    vi.doMock('onnxruntime-node', () => {
      throw new Error('no such library');
    });
    const { createEngine: create } = await import('../../../extension/training/engines/create');
    const { engine, reason } = await create({ kind: 'auto', threads: 0 });
    expect(engine.kind).toBe('tfjs-wasm');
    expect(reason).toContain('compiled-cpu does not start: ');
    await expect(create({ kind: 'compiled-cpu', threads: 0 })).rejects.toThrow(/The engine "compiled-cpu" does not start/);
  });
});
