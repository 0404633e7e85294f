/** How many GPUs there are to give out, as the system's files tell. */
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

const RENDER_NODE = /^renderD\d+$/;

/**
 * NVIDIA's cards; else the devices of other drivers as far as they are of one model: of different ones the files do not say which are
 * worth waiting for (a processor's own graphics is among them), so that one is given out, the first. Elsewhere than on Linux: one.
 * @param root for tests
 */
export async function findGpus(platform: NodeJS.Platform = process.platform, root = '/'): Promise<number> {
  if (platform !== 'linux') return 1;
  const cards = await namesIn(path.join(root, 'proc', 'driver', 'nvidia', 'gpus'));
  if (cards.length > 0) return cards.length;
  const nodes = (await namesIn(path.join(root, 'dev', 'dri'))).filter((name) => RENDER_NODE.test(name));
  if (nodes.length > 0) return (await areAlike(nodes, root)) ? nodes.length : 1;
  return (await namesIn(path.join(root, 'dev'))).includes('dxg') ? 1 : 0;
}

async function areAlike(nodes: readonly string[], root: string): Promise<boolean> {
  const models = await Promise.all(nodes.map((node) => modelOf(path.join(root, 'sys', 'class', 'drm', node, 'device'))));
  return models[0] !== undefined && models.every((model) => model === models[0]);
}

/** Numbers of vendor and model; undefined of what is not on PCI. */
async function modelOf(folder: string): Promise<string | undefined> {
  const read = (name: string): Promise<string> => readFile(path.join(folder, name), 'latin1');
  return Promise.all([read('vendor'), read('device')]).then((numbers) => numbers.join(':'), () => undefined);
}

function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}
