/** What an engine needs of this machine, looked for before anything is fetched. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { bytes } from '../../../core/text/format';
import type { Check } from './check';
import { cudaChecks } from './cuda-libraries';
import { vulkanCheck } from './vulkan-loader';
import { npmEnvironment } from './npm-environment';
import type { EnginePackage } from './engine-package';

const run = promisify(execFile);

/** Where the install script fetches libtensorflow from (its scripts/install.js), by the variables that it reads. */
function libtensorflowUrl(variables: NodeJS.ProcessEnv): string {
  const host = variables['TFJS_NODE_CDN_STORAGE'] || variables['CDN_STORAGE'] || 'https://storage.googleapis.com/';
  const base = variables['TFJS_NODE_BASE_URI'] || `${host}tensorflow/libtensorflow/libtensorflow-`;
  return `${base}gpu-linux-x86_64-2.9.1.tar.gz`;
}

/** @param folder that it would be installed in */
export async function engineChecks(engine: EnginePackage, folder: string): Promise<Check[]> {
  const anywhere = [platformCheck(engine), nodeCheck(), await npmCheck(), await diskCheck(engine, folder)];
  switch (engine.kind) {
    case 'tfjs-node-gpu':
      return [...anywhere, await networkCheck(libtensorflowUrl(process.env)), ...(await cudaChecks())];
    case 'wgsl':
    case 'tfjs-webgpu':
      return [...anywhere, await vulkanCheck()];
  }
}

function platformCheck({ platforms }: EnginePackage): Check {
  const here = `${process.platform} ${process.arch}`;
  const ok = platforms.includes(here);
  return { name: 'platform', ok, neededTo: 'install', detail: ok ? here : `${here}; it can be installed on ${platforms.join(', ')}`, ...(!ok && { hint: 'Train on such a machine, or use another engine (`mim doctor`).' }) };
}

/** The native parts are prebuilt for Node-API 8. What the JavaScript misses in newer ones is put back (eager/node-gpu-kernels.ts). */
function nodeCheck(): Check {
  const ok = Number(process.versions.napi) >= 8;
  return { name: 'node', ok, neededTo: 'install', detail: `${process.version}, Node-API ${process.versions.napi}`, ...(!ok && { hint: 'Use Node 20.9 or newer.' }) };
}

async function npmCheck(): Promise<Check> {
  try {
    const { stdout } = await run('npm', ['--version'], { env: npmEnvironment() });
    return { name: 'npm', ok: true, neededTo: 'install', detail: stdout.trim() };
  } catch {
    return { name: 'npm', ok: false, neededTo: 'install', detail: 'npm is not on the PATH', hint: 'Install Node.js with npm; the one inside VS Code has none.' };
  }
}

async function diskCheck({ diskBytes }: EnginePackage, folder: string): Promise<Check> {
  const { bavail, bsize } = await statfs(existingParent(folder));
  const ok = bavail * bsize >= diskBytes;
  return { name: 'disk', ok, neededTo: 'install', detail: `${bytes(bavail * bsize)} free for ${folder}, ${bytes(diskBytes)} asked for`, ...(!ok && { hint: 'Free some space, or name a folder elsewhere with --dir.' }) };
}

function existingParent(folder: string): string {
  let parent = path.resolve(folder);
  while (!existsSync(parent)) parent = path.dirname(parent);
  return parent;
}

const ANSWER_MS = 10_000;

async function networkCheck(url: string): Promise<Check> {
  const common = { name: 'network', neededTo: 'install' } as const;
  const proxy = ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy'].find((name) => process.env[name]);
  // Node asks without it; the install script does not.
  if (proxy !== undefined) return { ...common, ok: true, detail: `not tried: ${url} is fetched by way of ${proxy}` };
  try {
    const answer = await fetch(url, { method: 'HEAD', signal: AbortSignal.timeout(ANSWER_MS) });
    const size = Number(answer.headers.get('content-length'));
    return { ...common, ok: answer.ok, detail: answer.ok ? `${url}${size > 0 ? `, ${bytes(size)}` : ''}` : `${url} answers ${answer.status}`, ...(!answer.ok && { hint: MIRROR }) };
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    return { ...common, ok: false, detail: `${url} is not reached: ${cause}`, hint: MIRROR };
  }
}

const MIRROR = 'Install where the network reaches it and name that folder in MIM_ENGINES, or name a mirror of storage.googleapis.com in TFJS_NODE_CDN_STORAGE.';
