/** Which engine computes: what the experiment names, or the fastest that works here. */
import type { EngineConfig } from '../../core/config/schema';
import { UserError } from '../../core/problems';
import type { Engine } from './engine';

export type EngineKind = Exclude<EngineConfig['kind'], 'auto'>;

/** What one engine found on this machine. */
export interface EngineProbe {
  readonly kind: EngineKind;
  readonly works: boolean;
  /** One sentence: what it is and runs on, or why it does not work. */
  readonly detail: string;
}

/** Fastest first, as far as it was measured. One that needs a GPU does not start without. */
const enginesByPreference: readonly EngineKind[] = ['tfjs-node-gpu', 'compiled-cpu', 'tfjs-webgpu', 'tfjs-wasm', 'tfjs-cpu'];

const meaning: Record<EngineKind, string> = {
  wgsl: 'steps compiled into kernels of our own, run on a GPU through WebGPU',
  'compiled-webgpu': 'steps compiled into one graph, run by ONNX Runtime on a GPU through WebGPU',
  'tfjs-node-gpu': 'eager TensorFlow.js on an NVIDIA GPU, by tfjs-node-gpu',
  'compiled-cpu': 'steps compiled into one graph, run by ONNX Runtime on the CPU',
  'tfjs-webgpu': 'eager TensorFlow.js on WebGPU, by Dawn',
  'tfjs-wasm': 'eager TensorFlow.js on WebAssembly, one thread (slow)',
  'tfjs-cpu': 'eager TensorFlow.js in plain JavaScript, one thread (very slow)',
};

const eagerBackends = { 'tfjs-node-gpu': 'tensorflow', 'tfjs-webgpu': 'webgpu', 'tfjs-wasm': 'wasm', 'tfjs-cpu': 'cpu' } as const;

/** The libraries of an engine are loaded only here, so that one that is missing breaks nothing else. */
async function open(kind: EngineKind, threads: number): Promise<Engine> {
  switch (kind) {
    case 'compiled-cpu':
    case 'compiled-webgpu': {
      const { CompiledEngine } = await import('./compiled/compiled-engine');
      return CompiledEngine.create({ threads, device: kind === 'compiled-webgpu' ? 'webgpu' : 'cpu' });
    }
    case 'wgsl': {
      const { WgslEngine } = await import('./wgsl/wgsl-engine');
      return WgslEngine.create();
    }
    case 'tfjs-node-gpu':
    case 'tfjs-webgpu':
    case 'tfjs-wasm':
    case 'tfjs-cpu': {
      const { EagerEngine } = await import('./eager/eager-engine');
      return EagerEngine.create(eagerBackends[kind]);
    }
  }
}

function why(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0]!;
}

/**
 * Opens the engine of an experiment. `reason` is a sentence for the log: which engine, and why this one.
 * @throws UserError MIM4001 where the engine asked for, or with `auto` every engine, fails to start.
 */
export async function createEngine(config: Pick<EngineConfig, 'kind' | 'threads'>): Promise<{ engine: Engine; reason: string }> {
  if (config.kind !== 'auto') {
    try {
      return { engine: await open(config.kind, config.threads), reason: `The experiment asks for ${config.kind}: ${meaning[config.kind]}.` };
    } catch (error) {
      throw new UserError('MIM4001', `The engine "${config.kind}" does not start: ${why(error)}`, 'Use `engine: auto`, or see `mim doctor` for the engines that work here.');
    }
  }
  const failures: string[] = [];
  for (const kind of enginesByPreference) {
    try {
      const engine = await open(kind, config.threads);
      const passedOver = failures.length ? ` (${failures.join('; ')})` : '';
      return { engine, reason: `Chose ${kind}, the fastest that works here: ${meaning[kind]}${passedOver}.` };
    } catch (error) {
      failures.push(`${kind} does not start: ${why(error)}`);
    }
  }
  throw new UserError('MIM4001', `No engine starts on this machine: ${failures.join('; ')}.`, 'Install the dependencies again with `npm ci`.');
}

/** Tries every engine, for `mim doctor`. */
export async function probeEngines(): Promise<EngineProbe[]> {
  const probes: EngineProbe[] = [];
  for (const kind of enginesByPreference) {
    try {
      const engine = await open(kind, 0);
      const versions = Object.entries(engine.describe()).filter(([key]) => key !== 'engine').map(([key, value]) => `${key} ${value}`);
      await engine.dispose();
      probes.push({ kind, works: true, detail: `${meaning[kind]} (${versions.join(', ')})` });
    } catch (error) {
      probes.push({ kind, works: false, detail: why(error) });
    }
  }
  return probes;
}
