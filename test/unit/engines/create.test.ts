import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { inFloat32 } from '../../../extension/core/config/engine-traits';
import { createEngine, probeEngines } from '../../../extension/training/engines/create';
import type { Engine } from '../../../extension/training/engines/engine';
import { nativeHere, noNative, processorsEngine } from '../../native-here';

// What somebody has installed, or has in the machine, is no part of it.
vi.mock('../../../extension/training/engines/installed/vulkan-loader', () => ({ vulkanCheck: () => Promise.resolve({ name: 'Vulkan', ok: false, neededTo: 'run', detail: 'no Vulkan', hint: 'Install libvulkan1.' }) }));
vi.mock('../../../extension/training/engines/gpu-devices', () => ({ likelyGpu: () => false, gpuNames: () => [], nvidiaCards: () => [] }));
beforeEach(() => vi.stubEnv('MIM_ENGINES', '/nowhere'));
afterEach(() => {
  vi.unstubAllEnvs();
  vi.doUnmock('onnxruntime-node');
  vi.doUnmock('../../../extension/training/engines/native/native-support');
});

describe('probeEngines', () => {
  it('reports on every engine', async () => {
    const probes = await probeEngines();
    expect(probes.map(({ kind, works }) => [kind, works])).toEqual([['wgsl', false], ['compiled-webgpu', false], ['tfjs-node-gpu', false], ['native', noNative === undefined], ['compiled-cpu', true], ['tfjs-webgpu', false], ['tfjs-wasm', true], ['tfjs-cpu', true]]);
    expect(probes[3]!.detail).toContain(noNative ?? 'AVX-512');
    expect(probes[4]!.detail).toMatch(/onnxruntime \d/);
    for (const { works, rate } of probes) expect(rate !== undefined).toBe(works);
    expect(probes[1]!.detail).toMatch(/libvulkan1/);
  });
});

describe('createEngine', () => {
  it('opens the engine that is named', async () => {
    for (const kind of ['compiled-cpu', 'tfjs-cpu', 'tfjs-wasm', ...nativeHere] as const) {
      const { engine, reason } = await createEngine({ kind, threads: 1 });
      expect(engine.kind).toBe(kind);
      expect(engine.threads).toBe(1);
      expect(reason).toMatch(new RegExp(`^The experiment asks for ${kind}: .*\\.$`));
      await engine.dispose();
    }
  });

  it('chooses the fastest that compiles for the processor by itself, with every core', async () => {
    const { engine, reason } = await createEngine({ kind: 'auto', threads: 0 });
    expect(engine.kind).toBe(processorsEngine);
    expect(engine.threads).toBeGreaterThan(0);
    expect(reason).toContain(`Chose ${processorsEngine}, the fastest that works here: `);
  });

  it('says what to do where WebGPU finds no GPU', async () => {
    await expect(createEngine({ kind: 'compiled-webgpu', threads: 0 })).rejects.toMatchObject({ code: 'MIM4001', message: expect.stringMatching(/"compiled-webgpu" does not start: no Vulkan. Install libvulkan1/) as string });
  });

  it('says that nothing computes in half precision here; what is in float32 anyway goes on', async () => {
    const asked = { kind: 'auto', threads: 1, precision: 'float16' } as const;
    await expect(createEngine(asked)).rejects.toMatchObject({ code: 'MIM4001', message: 'No engine starts here that computes in float16: wgsl does not start: webgpu is not installed; `mim engine install wgsl` does it.', hint: expect.stringContaining('Leave `engine.precision` out') as string });
    const { engine } = await createEngine(inFloat32(asked));
    expect(engine.kind).toBe(processorsEngine);
    await engine.dispose();
  });
});

describe('createEngine on another machine', () => {
  async function withoutNative(reason: string): Promise<typeof createEngine> {
    vi.resetModules();
    vi.doMock('../../../extension/training/engines/native/native-support', () => ({ nativeSupport: () => reason }));
    return (await import('../../../extension/training/engines/create')).createEngine;
  }

  it('goes on to compiled-cpu where machine code cannot be run, and says why', async () => {
    const why = 'The processor does not have avx512f.';
    const create = await withoutNative(why);
    const { engine, reason } = await create({ kind: 'auto', threads: 1 });
    expect(engine.kind).toBe('compiled-cpu');
    expect(reason).toContain(`native does not start: ${why}`);
    await expect(create({ kind: 'native', threads: 1 })).rejects.toMatchObject({ code: 'MIM4001', message: `The engine "native" does not start: ${why}` });
  });

  it('says which engines it passed over and why', async () => {
    vi.doMock('onnxruntime-node', () => {
      throw new Error('no such library');
    });
    const create = await withoutNative('No machine code.');
    const { engine, reason } = await create({ kind: 'auto', threads: 0 });
    expect(engine.kind).toBe('tfjs-wasm');
    expect(reason).toContain('compiled-cpu does not start: ');
    await expect(create({ kind: 'compiled-cpu', threads: 0 })).rejects.toThrow(/The engine "compiled-cpu" does not start/);
  });
});

describe('createEngine where there is a GPU', () => {
  /** Stands for the compiled engines, with rates of its own; one without a rate is not there. */
  async function automatic(shown: boolean, rates: Readonly<Record<string, number>>): Promise<{ kind: string; reason: string; opened: string[] }> {
    const opened: string[] = [];
    vi.resetModules();
    vi.doMock('../../../extension/training/engines/gpu-devices', () => ({ likelyGpu: () => shown }));
    vi.doMock('../../../extension/training/engines/matmul-rate', () => ({ matmulRate: ({ kind }: Engine) => Promise.resolve({ size: 1024, gflops: rates[kind] }) }));
    vi.doMock('../../../extension/training/engines/compiled/compiled-engine', () => ({
      CompiledEngine: {
        create: ({ device }: { device: string }) => {
          const kind = `compiled-${device}`;
          opened.push(kind);
          return Promise.resolve({ kind, describe: () => ({ engine: kind }), dispose: () => Promise.resolve(void opened.push(`not ${kind}`)) });
        },
      },
    }));
    vi.doMock('../../../extension/training/engines/native/native-engine', () => ({
      NativeEngine: {
        create: () => {
          if (rates['native'] === undefined) throw new Error('no AVX-512');
          opened.push('native');
          return Promise.resolve({ kind: 'native', describe: () => ({ engine: 'native' }), dispose: () => Promise.resolve(void opened.push('not native')) });
        },
      },
    }));
    const { createEngine: create } = await import('../../../extension/training/engines/create');
    const { engine, reason } = await create({ kind: 'auto', threads: 1 });
    return { kind: engine.kind, reason, opened };
  }
  afterEach(() => {
    for (const name of ['gpu-devices', 'matmul-rate', 'compiled/compiled-engine', 'native/native-engine']) vi.doUnmock(`../../../extension/training/engines/${name}`);
    vi.resetModules();
  });

  it('takes it where it multiplies faster, and says both rates', async () => {
    const { kind, reason, opened } = await automatic(true, { 'compiled-webgpu': 5120.4, 'compiled-cpu': 830 });
    expect(kind).toBe('compiled-webgpu');
    expect(reason).toMatch(/^Chose compiled-webgpu, .*; 5120 against 830 GFLOP\/s on matrix products of compiled-cpu \(wgsl does not start: webgpu is not installed; `mim engine install wgsl` does it\.\)\.$/);
    expect(opened).toEqual(['compiled-webgpu', 'compiled-cpu', 'not compiled-cpu']);
  });

  it('races it against the fastest that works on the processor', async () => {
    const { kind, reason, opened } = await automatic(true, { 'compiled-webgpu': 900, 'compiled-cpu': 830, native: 870 });
    expect(kind).toBe('compiled-webgpu');
    expect(reason).toContain('; 900 against 870 GFLOP/s on matrix products of native (');
    expect(opened).toEqual(['compiled-webgpu', 'native', 'not native']);
    expect((await automatic(true, { 'compiled-webgpu': 850, 'compiled-cpu': 830, native: 870 })).kind).toBe('native');
  });

  it('passes it over where the processor is faster, as it is than software', async () => {
    const { kind, reason, opened } = await automatic(true, { 'compiled-webgpu': 6, 'compiled-cpu': 60 });
    expect(kind).toBe('compiled-cpu');
    expect(reason).toContain('compiled-webgpu is passed over: slower than the processor, 6 against 60 GFLOP/s on matrix products; tfjs-node-gpu does not start: ');
    expect(opened).toEqual(['compiled-webgpu', 'compiled-cpu', 'not compiled-cpu', 'not compiled-webgpu', 'compiled-cpu']);
  });

  it('starts and measures nothing where the system shows none', async () => {
    const { kind, reason, opened } = await automatic(false, {});
    expect(kind).toBe('compiled-cpu');
    expect(reason).toContain('compiled-webgpu is passed over: the system shows no GPU; ');
    expect(opened).toEqual(['compiled-cpu']);
  });
});
