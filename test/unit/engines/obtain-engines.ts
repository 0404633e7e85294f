/** Engines that are no dependency, from the npm registry, laid out as npm would, without what install scripts bring. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { enginePackages, type EnginePackage } from '../../../extension/training/engines/installed/engine-package';
import { cachedPiece, unpack } from '../../registry';

/** The folder that MIM_ENGINES would name; or, where the registry is not reached, why. */
export type Obtained = { readonly engines: string } | { readonly unobtainable: string };

/** The JavaScript alone. */
export const obtainNodeGpu = (): Promise<Obtained> => obtain(enginePackages['tfjs-node-gpu'], ['google-protobuf@3.21.4'], '@tensorflow/tfjs');

/** Whole: Dawn is in the package. */
export const obtainWebgpu = (): Promise<Obtained> => obtain(enginePackages['tfjs-webgpu'], [], '@tensorflow/tfjs-core');

/** Dawn alone. */
export const obtainWgsl = (): Promise<Obtained> => obtain(enginePackages.wgsl, []);

/** @param copy of TensorFlow.js that npm would install, of which nothing may be loaded */
async function obtain({ kind, name, version, beside }: EnginePackage, more: readonly string[], copy?: string): Promise<Obtained> {
  const specs = [`${name}@${version}`, ...Object.entries(beside).map(([other, of]) => `${other}@${of}`), ...more];
  try {
    return {
      engines: await cachedPiece('mim-engines', `${kind}-${version}`, async (target) => {
        const packages = join(target, kind, 'node_modules');
        for (const spec of specs) await unpackInto(join(packages, spec.slice(0, spec.lastIndexOf('@'))), spec);
        if (copy !== undefined) await layTrap(join(packages, copy), copy, version);
      }),
    };
  } catch (error) {
    return { unobtainable: error instanceof Error ? error.message.split('\n')[0]! : String(error) };
  }
}

async function unpackInto(folder: string, spec: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await unpack(spec, folder);
}

async function layTrap(folder: string, name: string, version: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'package.json'), JSON.stringify({ name, version, main: 'index.js' }));
  await writeFile(join(folder, 'index.js'), "throw new Error('a second copy of TensorFlow.js was loaded');\n");
}
