/** Loads the native part in a process of its own, where it may crash, and asks it what it sees. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { lastWords } from '../../../core/jobs/last-words';
import { UserError } from '../../../core/problems';
import { bindingFile } from './node-gpu-binding';

const run = promisify(execFile);

export interface Tried {
  readonly tensorflow: string;
  /** Whether it computes on a GPU here. */
  readonly gpu: boolean;
}

const QUESTION = 'const binding = require(process.argv[1]); process.stdout.write(JSON.stringify({ tensorflow: binding.TF_Version, gpu: binding.isUsingGpuDevice() }));';

/** A driver that compiles kernels for a new GPU takes its time. */
const PATIENCE_MS = 10 * 60_000;

/** @throws UserError MIM4009 */
export async function tryBinding(folder: string): Promise<Tried> {
  const file = bindingFile(folder);
  if (file === undefined) throw new UserError('MIM4009', `The install script of @tensorflow/tfjs-node-gpu brought no native part for Node-API ${process.versions.napi}.`, 'Look at what it wrote above.');
  try {
    const { stdout } = await run(process.execPath, ['-e', QUESTION, file], { timeout: PATIENCE_MS, env: { ...process.env, TF_FORCE_GPU_ALLOW_GROWTH: 'true' } });
    return JSON.parse(stdout) as Tried;
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    throw new UserError('MIM4009', `The native part of @tensorflow/tfjs-node-gpu does not load: ${lastWords(stderr || message)}`, 'See `mim engine status` for the libraries that it needs.');
  }
}
