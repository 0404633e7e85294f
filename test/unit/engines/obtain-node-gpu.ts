/** The JavaScript of @tensorflow/tfjs-node-gpu from the npm registry, laid out as npm would, without its native part. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { enginePackages } from '../../../extension/training/engines/installed/engine-package';
import { cachedPiece, unpack } from '../../registry';

const { name, version, kind } = enginePackages['tfjs-node-gpu'];

/** @returns the folder that MIM_ENGINES would name; or, where the registry is not reached, why */
export async function obtainNodeGpu(): Promise<{ readonly engines: string } | { readonly unobtainable: string }> {
  try {
    return { engines: await cachedPiece('mim-engines', `${kind}-${version}`, layOut) };
  } catch (error) {
    return { unobtainable: error instanceof Error ? error.message.split('\n')[0]! : String(error) };
  }
}

async function layOut(target: string): Promise<void> {
  const packages = join(target, kind, 'node_modules');
  await unpackInto(join(packages, name), `${name}@${version}`);
  await unpackInto(join(packages, 'google-protobuf'), 'google-protobuf@3.21.4');
  // 140 MB of other backends, of which nothing may be loaded.
  const union = join(packages, '@tensorflow', 'tfjs');
  await mkdir(union, { recursive: true });
  await writeFile(join(union, 'package.json'), JSON.stringify({ name: '@tensorflow/tfjs', version, main: 'index.js' }));
  await writeFile(join(union, 'index.js'), "throw new Error('a second copy of TensorFlow.js was loaded');\n");
}

async function unpackInto(folder: string, spec: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await unpack(spec, folder);
}
