import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { enginePackages } from '../../../../extension/training/engines/installed/engine-package';
import { enginesFolder, findInstallation, requireInstallation } from '../../../../extension/training/engines/installed/find-installation';
import { bindingFile, loadBinding } from '../../../../extension/training/engines/installed/node-gpu-binding';

const engine = enginePackages['tfjs-node-gpu'];

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mim-engines-'));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  await rm(folder, { recursive: true });
});

async function put(root: string, version: string): Promise<string> {
  const at = join(root, 'node_modules', engine.name);
  await mkdir(at, { recursive: true });
  await writeFile(join(at, 'package.json'), JSON.stringify({ version }));
  return at;
}

it('installs into the folder of a variable, or the cache', () => {
  expect(enginesFolder({ MIM_ENGINES: '/data/engines' })).toBe('/data/engines');
  expect(enginesFolder({ XDG_CACHE_HOME: '/cache' })).toBe('/cache/mim/engines');
  expect(enginesFolder({ XDG_CACHE_HOME: 'not/absolute' })).toBe(join(homedir(), '.cache/mim/engines'));
});

it('takes what the workspace has, from its folders upward, and then what was installed', async () => {
  const workspace = join(folder, 'workspace', 'deep', 'down');
  const engines = join(folder, 'engines');
  await mkdir(workspace, { recursive: true });
  expect(findInstallation(engine, workspace, engines)).toBeUndefined();
  const installed = await put(join(engines, engine.kind), '4.22.0');
  expect(findInstallation(engine, workspace, engines)).toEqual({ folder: installed, version: '4.22.0', from: 'engines' });
  const own = await put(join(folder, 'workspace'), '4.22.0');
  expect(findInstallation(engine, workspace, engines)).toEqual({ folder: own, version: '4.22.0', from: 'workspace' });
});

it('says what to do where there is none, or another version', async () => {
  vi.spyOn(process, 'cwd').mockReturnValue(folder);
  vi.stubEnv('MIM_ENGINES', join(folder, 'engines'));
  expect(() => requireInstallation('tfjs-node-gpu')).toThrow(expect.objectContaining({ code: 'MIM4004', message: expect.stringContaining('`mim engine install tfjs-node-gpu`') as string }));
  const at = await put(folder, '4.21.0');
  expect(() => requireInstallation('tfjs-node-gpu')).toThrow(expect.objectContaining({ code: 'MIM4005', message: expect.stringContaining(`4.21.0 in ${at}`) as string }));
});

it('takes the binding of the newest Node-API that both know', async () => {
  for (const name of ['napi-v3', 'napi-v8', 'napi-v9', 'napi-v7']) {
    await mkdir(join(folder, 'lib', name), { recursive: true });
    if (name !== 'napi-v7') await writeFile(join(folder, 'lib', name, 'tfjs_binding.node'), '');
  }
  expect(bindingFile(folder, 8)).toBe(join(folder, 'lib/napi-v8/tfjs_binding.node'));
  expect(bindingFile(folder, 7)).toBe(join(folder, 'lib/napi-v3/tfjs_binding.node'));
  expect(bindingFile(folder, 2)).toBeUndefined();
  expect(() => loadBinding(folder)).toThrow(expect.objectContaining({ code: 'MIM4006', message: expect.stringContaining('does not load') as string }));
});
