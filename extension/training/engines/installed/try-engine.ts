/** Loads the native part of an engine in a process of its own, where it may crash, and asks it what it sees. */
import { execFile } from 'node:child_process';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { lastWords } from '../../../core/jobs/last-words';
import { UserError } from '../../../core/problems';
import { dawnFile } from './dawn';
import type { EnginePackage } from './engine-package';
import { bindingFile } from './node-gpu-binding';

const run = promisify(execFile);

export interface Tried {
  /** A sentence without its full stop. */
  readonly detail: string;
  /** Whether it computes on a GPU here. */
  readonly gpu: boolean;
}

/** Programs that are given a file, and print what they found as JSON. */
const adapterFound = 'import(process.argv[1]).then(({ create }) => create([]).requestAdapter()).then((adapter) => process.stdout.write(JSON.stringify({ gpu: adapter !== null, detail: adapter ? `WebGPU finds ${adapter.info.description || adapter.info.vendor}` : "WebGPU loads and finds no adapter" })));';

const questions = {
  'tfjs-node-gpu': 'const { TF_Version, isUsingGpuDevice } = require(process.argv[1]); const gpu = isUsingGpuDevice(); process.stdout.write(JSON.stringify({ gpu, detail: `TensorFlow ${TF_Version} loads and sees ${gpu ? "a GPU" : "no GPU"}` }));',
  wgsl: adapterFound,
  'tfjs-webgpu': adapterFound,
} as const;

/** A driver that compiles kernels for a new GPU takes its time. */
const PATIENCE_MS = 10 * 60_000;

/**
 * @param folder of the engine's package
 * @throws UserError MIM4009
 */
export async function tryEngine({ kind, name }: EnginePackage, folder: string): Promise<Tried> {
  const file = kind === 'tfjs-node-gpu' ? bindingFile(folder) : pathToFileURL(dawnFile(folder)).href;
  if (file === undefined) throw new UserError('MIM4009', `The install script of ${name} brought no native part for Node-API ${process.versions.napi}.`, 'Look at what it wrote above.');
  try {
    const { stdout } = await run(process.execPath, ['-e', questions[kind], file], { timeout: PATIENCE_MS, env: { ...process.env, TF_FORCE_GPU_ALLOW_GROWTH: 'true' } });
    return JSON.parse(stdout) as Tried;
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    throw new UserError('MIM4009', `The native part of ${name} does not load: ${lastWords(stderr || message)}`, 'See `mim engine status` for what it needs.');
  }
}
