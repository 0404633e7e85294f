import { describe, expect, it } from 'vitest';
import { choiceWords, enginesTree, engineTooltip, parseReport } from '../../../extension/ui/sidebar/engines-tree';

const cpu = { kind: 'compiled-cpu', works: true, detail: 'on the CPU', rate: { size: 1024, gflops: 61.2 } };
const none = { kind: 'compiled-webgpu', works: false, detail: 'WebGPU finds no GPU' };
const report = (...engines: object[]): ReturnType<typeof parseReport> => parseReport(JSON.stringify({ ok: true, checks: [], devices: [], engines }));
const rows = (of: ReturnType<typeof report>): string[][] => enginesTree(of).map(({ face }) => [face.label, face.description]);

describe('engines', () => {
  it('show what each multiplies, and which is taken', () => {
    const found = report({ kind: 'compiled-webgpu', works: true, detail: 'on a GPU (device NVIDIA H100)', rate: { size: 1024, gflops: 5120 } }, cpu);
    expect(rows(found)).toEqual([['compiled-webgpu', 'auto: the fastest · 5120 GFLOP/s'], ['compiled-cpu', 'works · 61 GFLOP/s']]);
    expect(choiceWords(found)).toBe('engine: auto takes compiled-webgpu, the fastest.');
    expect(engineTooltip(found, 'compiled-webgpu')).toContain('5120 GFLOP/s on 1024×1024 float32 matrix products');
  });

  it('say why one is passed over', () => {
    const found = report({ ...none, works: true, rate: { size: 256, gflops: 6 }, passedOver: 'slower than the processor' }, { kind: 'tfjs-node-gpu', works: false, detail: 'not installed' }, cpu);
    expect(rows(found)[0]).toEqual(['compiled-webgpu', 'works; auto passes it over: slower than the processor · 6 GFLOP/s']);
    expect(choiceWords(found)).toBe('engine: auto takes compiled-cpu, the fastest that works here; tfjs-node-gpu does not start, compiled-webgpu is passed over.');
    expect(engineTooltip(found, 'compiled-webgpu')).toContain('passes it over: slower than the processor');
  });

  it('come with the GPUs by the numbers that an experiment gives', () => {
    const found = { ...report(cpu), devices: [{ name: 'NVIDIA H100', detail: 'discrete GPU, PCI 0000:04:00.0' }, { name: 'Intel Arc', detail: 'discrete GPU' }] };
    expect(rows(found).slice(1)).toEqual([['device 0', 'NVIDIA H100'], ['device 1', 'Intel Arc']]);
    expect(engineTooltip(found, 'device 0')).toMatch(/NVIDIA H100 .*PCI 0000:04:00\.0[^]*`engine\.device: 0`/);
  });

  it('say that nothing can be trained', () => expect(choiceWords(report(none))).toBe('No engine starts here: nothing can be trained.'));
});
