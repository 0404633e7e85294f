/** Which engine computes: what the experiment names, or the fastest that works here. */
import { wishedDevice, type DeviceWish } from '../../core/config/device-wish';
import { compiledForProcessor, computesInFloat16, computesInInt8, computesOnGpu } from '../../core/config/engine-traits';
import type { EngineConfig, ResolvedExperiment } from '../../core/config/schema';
import { UserError } from '../../core/problems';
import { isDeviceFault, NO_SUCH_DEVICE } from './devices/choose-device';
import type { Engine } from './engine';
import { likelyGpu, nvidiaCards } from './gpu-devices';
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
const enginesByPreference: readonly EngineKind[] = ['wgsl', 'compiled-webgpu', 'tfjs-node-gpu', ...compiledForProcessor, 'tfjs-webgpu', 'tfjs-wasm', 'tfjs-cpu'];

/** Those that must be faster here than the processor to be chosen. */
const measuredFirst: ReadonlySet<EngineKind> = new Set<EngineKind>(['wgsl', 'compiled-webgpu']);

const meaning: Record<EngineKind, string> = {
  wgsl: 'steps compiled into kernels of our own, run on a GPU through WebGPU',
  'compiled-webgpu': 'steps compiled into one graph, run by ONNX Runtime on a GPU through WebGPU',
  'tfjs-node-gpu': 'eager TensorFlow.js on an NVIDIA GPU, by tfjs-node-gpu',
  native: 'steps compiled into machine code of our own for the CPU, with AVX-512',
  'compiled-cpu': 'steps compiled into one graph, run by ONNX Runtime on the CPU',
  'tfjs-webgpu': 'eager TensorFlow.js on WebGPU, by Dawn',
  'tfjs-wasm': 'eager TensorFlow.js on WebAssembly, one thread (slow)',
  'tfjs-cpu': 'eager TensorFlow.js in plain JavaScript, one thread (very slow)',
};

const eagerBackends = { 'tfjs-node-gpu': 'tensorflow', 'tfjs-webgpu': 'webgpu', 'tfjs-wasm': 'wasm', 'tfjs-cpu': 'cpu' } as const;

interface OpenOptions extends Pick<AskedEngine, 'threads' | 'precision' | 'int8'> {
  /** Of a GPU's engine. */
  readonly wish?: DeviceWish;
}

/** What an experiment's training asks for. */
export function trainingEngine({ engine, teacher }: Pick<ResolvedExperiment, 'engine'> & Partial<Pick<ResolvedExperiment, 'teacher'>>): AskedEngine {
  return { ...engine, int8: teacher?.dtype === 'int8' };
}

/** The libraries of an engine are loaded only here, so that one that is missing breaks nothing else. */
async function open(kind: EngineKind, { threads, wish, precision, int8 }: OpenOptions): Promise<Engine> {
  switch (kind) {
    case 'native': {
      const { NativeEngine } = await import('./native/native-engine');
      return NativeEngine.create({ threads, int8 });
    }
    case 'compiled-cpu': {
      const { CompiledEngine } = await import('./compiled/compiled-engine');
      return CompiledEngine.create({ threads, device: 'cpu' });
    }
    case 'compiled-webgpu': {
      const { CompiledEngine } = await import('./compiled/compiled-engine');
      const { takeDevice } = await import('./devices/take-vulkan');
      return CompiledEngine.create({ threads, device: 'webgpu', taken: await takeDevice(wish, 'environment') });
    }
    case 'wgsl': {
      const { WgslEngine } = await import('./wgsl/wgsl-engine');
      const { takeDevice } = await import('./devices/take-vulkan');
      return WgslEngine.create({ precision, taken: await takeDevice(wish, 'name') });
    }
    case 'tfjs-node-gpu':
    case 'tfjs-webgpu':
    case 'tfjs-wasm':
    case 'tfjs-cpu': {
      const { EagerEngine } = await import('./eager/eager-engine');
      return EagerEngine.create(eagerBackends[kind], wish);
    }
  }
}

function why(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0]!;
}

/**
 * Opens the engine of an experiment. `reason` is a sentence for the log: which engine, and why this one. Where the experiment names
 * a device, `auto` takes the first engine that computes on it.
 * @throws UserError MIM4001 where the engine asked for, or with `auto` every engine, fails to start; MIM4013, MIM4014 where the device
 *   is not there or cannot be had
 */
export async function createEngine(config: AskedEngine): Promise<{ engine: Engine; reason: string }> {
  return config.kind === 'auto' ? chooseEngine(config) : openNamed(config.kind, config);
}

/** What an experiment says of the engine that matters here. */
export interface AskedEngine extends Pick<EngineConfig, 'kind' | 'threads' | 'device' | 'precision'> {
  /** It shall compute products with frozen weights in int8. */
  readonly int8?: boolean;
  /** A device that was given out by who could not know whether it can be had: where it cannot, the system gives one. Default: `MIM_DEVICE`. */
  readonly given?: DeviceWish;
}

interface Opened {
  readonly engine: Engine;
  /** What is to be said of the device. */
  readonly note: string;
}

/** What an experiment names is had or refused. */
async function openOn(kind: EngineKind, { device, given, ...options }: Omit<AskedEngine, 'kind'>): Promise<Opened> {
  const wish = wishedDevice(device ?? given);
  try {
    const engine = await open(kind, { ...options, wish });
    return { engine, note: onDevice(engine) };
  } catch (error) {
    if (device !== undefined || !isDeviceFault(error)) throw error;
    const engine = await open(kind, options);
    return { engine, note: `${onDevice(engine)}, for device ${wish}, which it was given, cannot be had: ${why(error)}` };
  }
}

async function openNamed(kind: EngineKind, asked: AskedEngine): Promise<{ engine: Engine; reason: string }> {
  try {
    const { engine, note } = await openOn(kind, asked);
    return { engine, reason: asSentence(`The experiment asks for ${kind}: ${meaning[kind]}${note}`) };
  } catch (error) {
    if (isDeviceFault(error)) throw error;
    throw new UserError('MIM4001', `The engine "${kind}" does not start: ${why(error)}`, 'Use `engine: auto`, or see `mim doctor` for the engines that work here.');
  }
}

async function chooseEngine(asked: AskedEngine): Promise<{ engine: Engine; reason: string }> {
  const { device, precision, int8 } = asked;
  const failures: string[] = [];
  const candidates = enginesByPreference.filter((kind) => (device === undefined || computesOnGpu(kind)) && (precision !== 'float16' || computesInFloat16(kind)) && (!int8 || computesInInt8(kind)));
  for (const kind of candidates) {
    try {
      // Nothing is raced where the processor would not be taken either way.
      const races = measuredFirst.has(kind) && compiledForProcessor.some((one) => candidates.includes(one));
      const { engine, note, faster } = races ? await openWhereFaster(kind, asked) : { ...(await openOn(kind, asked)), faster: undefined };
      const passed = failures.length ? ` (${failures.join('; ')})` : '';
      return { engine, reason: asSentence(`Chose ${kind}, ${candidates.length > 1 ? 'the fastest that works here' : 'which alone computes in float16'}: ${meaning[kind]}${note}${faster === undefined ? '' : `; ${faster}`}${passed}`) };
    } catch (error) {
      // Another runtime may find it: they need different libraries. One that is asked for and is nowhere is told by the first.
      if (error instanceof UserError && error.code === NO_SUCH_DEVICE && device !== undefined) throw error;
      failures.push(error instanceof PassedOver ? `${kind} is passed over: ${error.message}` : `${kind} does not start: ${why(error)}`);
    }
  }
  throw nothingStarts(asked, failures.join('; '));
}

function nothingStarts({ device, precision }: AskedEngine, failures: string): UserError {
  if (precision === 'float16') return new UserError('MIM4001', `No engine starts here that computes in float16: ${asSentence(failures)}`, 'Leave `engine.precision` out to compute in float32 with any engine; `mim doctor` shows those that work here.');
  if (device !== undefined) return new UserError('MIM4001', `No engine starts on device ${device}: ${failures}.`, 'See `mim doctor` for the engines and devices that there are, or leave `engine.device` out.');
  return new UserError('MIM4001', `No engine starts on this machine: ${failures}.`, 'Install the dependencies again with `npm ci`.');
}

function asSentence(text: string): string {
  return `${text.replace(/\.+$/, '')}.`;
}

/** `, on NVIDIA …` of an engine that names its device. */
function onDevice(engine: Engine): string {
  const { device } = engine.describe();
  return device === undefined ? '' : `, on ${device}`;
}

class PassedOver extends Error {}

/** Nothing is started where there is no GPU. @throws PassedOver; or what keeps it from starting */
async function openWhereFaster(kind: EngineKind, asked: AskedEngine): Promise<Opened & { readonly faster?: string }> {
  if (!likelyGpu()) throw new PassedOver('the system shows no GPU');
  const { engine, note } = await openOn(kind, asked);
  try {
    const [gpu, cpu] = [await measured(engine), await rateOfProcessor(asked)];
    const reason = passedOver(gpu, cpu?.rate);
    if (reason !== undefined) throw new PassedOver(reason);
    return { engine, note, ...(cpu && { faster: `${ratesInWords(gpu, cpu.rate)} of ${cpu.kind}` }) };
  } catch (error) {
    await engine.dispose();
    throw error;
  }
}

async function measured(engine: Engine): Promise<MatmulRate> {
  const { matmulRate } = await import('./matmul-rate');
  return matmulRate(engine);
}

/** Of the fastest engine that works; undefined where none does. */
async function rateOfProcessor({ threads }: AskedEngine): Promise<{ readonly kind: EngineKind; readonly rate: MatmulRate } | undefined> {
  for (const kind of compiledForProcessor) {
    const engine = await open(kind, { threads }).catch(() => undefined);
    if (!engine) continue;
    try {
      return { kind, rate: await measured(engine) };
    } finally {
      await engine.dispose();
    }
  }
  return undefined;
}

/** A GPU that `engine.device` can name, by its place in the list. */
export interface DeviceProbe {
  readonly name: string;
  /** Kind, memory, driver, PCI address. */
  readonly detail: string;
}

/** The GPUs by their numbers, for `mim doctor`; empty where they cannot be listed. */
export async function probeDevices(): Promise<DeviceProbe[]> {
  const [{ devicesHere }, { deviceDetail }] = await Promise.all([import('./devices/take-vulkan'), import('./devices/vulkan-device')]);
  const devices = await devicesHere();
  if (devices.length > 0) return devices.map((device) => ({ name: device.name, detail: deviceDetail(device) }));
  return nvidiaCards().map(({ name, pci }) => ({ name, detail: `PCI ${pci}; Vulkan does not see it` }));
}

/** Tries and measures every engine, for `mim doctor`. */
export async function probeEngines(): Promise<EngineProbe[]> {
  const probes: EngineProbe[] = [];
  for (const kind of enginesByPreference) probes.push(await probe(kind));
  const cpu = probes.find(({ kind, works }) => works && compiledForProcessor.includes(kind))?.rate;
  return probes.map((one) => {
    const reason = one.rate && measuredFirst.has(one.kind) ? passedOver(one.rate, cpu) : undefined;
    return reason === undefined ? one : { ...one, passedOver: reason };
  });
}

async function probe(kind: EngineKind): Promise<EngineProbe> {
  try {
    const { engine } = await openOn(kind, { threads: 0 });
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
