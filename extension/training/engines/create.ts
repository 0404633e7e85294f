/** Which engine computes: what the experiment names, or the fastest that works here. */
import type { EngineConfig } from '../../core/config/schema';
import { UserError } from '../../core/problems';
import type { Engine } from './engine';
import { likelyGpu } from './gpu-devices';
import { passedOver, ratesInWords, type MatmulRate } from './rates';

export type EngineKind = Exclude<EngineConfig['kind'], 'auto'>;

/** What one engine found on this machine. */
export interface EngineProbe {
  readonly kind: EngineKind;
  readonly works: boolean;
  /** One sentence: what it is and runs on, or why it does not work. */
  readonly detail: string;
  /** Of one that works. */
  readonly rate?: MatmulRate;
  /** Why `auto` does not take it though it works, where its place in the list is not the reason. */
  readonly passedOver?: string;
}

/** Fastest first, as far as it was measured. One that needs a GPU does not start without. */
const enginesByPreference: readonly EngineKind[] = ['wgsl', 'compiled-webgpu', 'tfjs-node-gpu', 'compiled-cpu', 'tfjs-webgpu', 'tfjs-wasm', 'tfjs-cpu'];

/** Those that must be faster here than `compiled-cpu` to be chosen. */
const measuredFirst: ReadonlySet<EngineKind> = new Set<EngineKind>(['wgsl', 'compiled-webgpu']);

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

export type OpenOptions = Pick<EngineConfig, 'threads'> & Partial<Pick<EngineConfig, 'precision'>>;

/** The libraries of an engine are loaded only here, so that one that is missing breaks nothing else. */
async function open(kind: EngineKind, { threads, precision }: OpenOptions): Promise<Engine> {
  switch (kind) {
    case 'compiled-cpu':
    case 'compiled-webgpu': {
      const { CompiledEngine } = await import('./compiled/compiled-engine');
      return CompiledEngine.create({ threads, device: kind === 'compiled-webgpu' ? 'webgpu' : 'cpu' });
    }
    case 'wgsl': {
      const { WgslEngine } = await import('./wgsl/wgsl-engine');
      return WgslEngine.create({ precision });
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
export async function createEngine(config: OpenOptions & Pick<EngineConfig, 'kind'>): Promise<{ engine: Engine; reason: string }> {
  if (config.kind !== 'auto') {
    try {
      return { engine: await open(config.kind, config), reason: `The experiment asks for ${config.kind}: ${meaning[config.kind]}.` };
    } catch (error) {
      const elsewhere = config.precision === 'float16' ? 'Leave `engine.precision` out to compute with any engine; `mim doctor` shows those that work here.' : 'Use `engine: auto`, or see `mim doctor` for the engines that work here.';
      throw new UserError('MIM4001', `The engine "${config.kind}" does not start: ${why(error)}`, elsewhere);
    }
  }
  const failures: string[] = [];
  for (const kind of enginesByPreference) {
    try {
      const { engine, faster } = measuredFirst.has(kind) ? await openWhereFaster(kind, config) : { engine: await open(kind, config) };
      const passed = failures.length ? ` (${failures.join('; ')})` : '';
      return { engine, reason: `Chose ${kind}, the fastest that works here: ${meaning[kind]}${faster ? `; ${faster} of compiled-cpu` : ''}${passed}.` };
    } catch (error) {
      failures.push(error instanceof PassedOver ? `${kind} is passed over: ${error.message}` : `${kind} does not start: ${why(error)}`);
    }
  }
  throw new UserError('MIM4001', `No engine starts on this machine: ${failures.join('; ')}.`, 'Install the dependencies again with `npm ci`.');
}

class PassedOver extends Error {}

/** Nothing is started where there is no GPU. @throws PassedOver; or what keeps it from starting */
async function openWhereFaster(kind: EngineKind, options: OpenOptions): Promise<{ engine: Engine; faster: string }> {
  if (!likelyGpu()) throw new PassedOver('the system shows no GPU');
  const engine = await open(kind, options);
  try {
    const [gpu, cpu] = [await measured(engine), await rateOfProcessor(options)];
    const reason = passedOver(gpu, cpu);
    if (reason !== undefined) throw new PassedOver(reason);
    return { engine, faster: ratesInWords(gpu, cpu) };
  } catch (error) {
    await engine.dispose();
    throw error;
  }
}

async function measured(engine: Engine): Promise<MatmulRate> {
  const { matmulRate } = await import('./matmul-rate');
  return matmulRate(engine);
}

async function rateOfProcessor({ threads }: OpenOptions): Promise<MatmulRate> {
  const engine = await open('compiled-cpu', { threads });
  try {
    return await measured(engine);
  } finally {
    await engine.dispose();
  }
}

/** Tries and measures every engine, for `mim doctor`. */
export async function probeEngines(): Promise<EngineProbe[]> {
  const probes: EngineProbe[] = [];
  for (const kind of enginesByPreference) probes.push(await probe(kind));
  const cpu = probes.find(({ kind }) => kind === 'compiled-cpu')?.rate;
  return probes.map((one) => {
    const reason = one.rate && measuredFirst.has(one.kind) ? passedOver(one.rate, cpu) : undefined;
    return reason === undefined ? one : { ...one, passedOver: reason };
  });
}

async function probe(kind: EngineKind): Promise<EngineProbe> {
  try {
    const engine = await open(kind, { threads: 0 });
    try {
      const facts = Object.entries(engine.describe()).filter(([key]) => key !== 'engine').map(([key, value]) => `${key} ${value}`);
      return { kind, works: true, detail: `${meaning[kind]} (${facts.join(', ')})`, rate: await measured(engine) };
    } finally {
      await engine.dispose();
    }
  } catch (error) {
    return { kind, works: false, detail: why(error) };
  }
}
