/** The native half of @tensorflow/tfjs-node-gpu: a file beside its JavaScript that its install script downloads or compiles. */
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { UserError } from '../../../core/problems';

/** Of its interface only what is asked here; the JavaScript half knows the rest. */
export interface NodeGpuBinding {
  readonly TF_Version: string;
  isUsingGpuDevice(): boolean;
}

/** The binding for the newest Node-API that both know, as node-pre-gyp chooses it. */
export function bindingFile(folder: string, nodeApi = Number(process.versions.napi)): string | undefined {
  const versions = entriesOf(path.join(folder, 'lib')).flatMap((name) => /^napi-v(\d+)$/.exec(name)?.[1] ?? []).map(Number);
  const usable = versions.filter((version) => version <= nodeApi && entriesOf(path.join(folder, 'lib', `napi-v${version}`)).includes('tfjs_binding.node'));
  return usable.length === 0 ? undefined : path.join(folder, 'lib', `napi-v${Math.max(...usable)}`, 'tfjs_binding.node');
}

/** @throws UserError MIM4006 where its file is missing or does not load */
export function loadBinding(folder: string): NodeGpuBinding {
  const file = bindingFile(folder);
  const hint = 'Install it anew: `mim engine install tfjs-node-gpu`.';
  if (file === undefined) throw new UserError('MIM4006', `The native part of @tensorflow/tfjs-node-gpu is missing in ${folder}.`, hint);
  // TensorFlow would take all of the GPU's memory, though other jobs may compute on it too.
  process.env['TF_FORCE_GPU_ALLOW_GROWTH'] ??= 'true';
  try {
    return createRequire(file)(file) as NodeGpuBinding;
  } catch (error) {
    throw new UserError('MIM4006', `The native part of @tensorflow/tfjs-node-gpu does not load: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`, hint);
  }
}

function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
