import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { mim } from './recording-terminal';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mim-engine-'));
  // No network is asked: nothing listens there.
  vi.stubEnv('TFJS_NODE_BASE_URI', 'http://127.0.0.1:1/libtensorflow-');
  for (const name of ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy']) vi.stubEnv(name, '');
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

interface Report {
  readonly engine: string;
  readonly folder: string;
  readonly installed?: object;
  readonly checks: readonly { readonly name: string; readonly ok: boolean; readonly hint?: string }[];
}

it('tells what is installed and what is missing, and how to mend it', async () => {
  const { stdout, exitCode } = await mim('engine', 'status', '--dir', folder, '--json');
  expect(exitCode).toBe(0);
  const reports = JSON.parse(stdout) as Report[];
  expect(reports).toMatchObject([{ engine: 'wgsl', package: 'webgpu@0.6.2', folder }, { engine: 'tfjs-node-gpu', package: '@tensorflow/tfjs-node-gpu@4.22.0', folder }, { engine: 'tfjs-webgpu', package: '@tensorflow/tfjs-backend-webgpu@4.22.0', folder }]);
  expect(reports[1]!.installed).toBeUndefined();
  expect(reports[1]!.checks.map(({ name }) => name)).toEqual(['platform', 'node', 'npm', 'disk', 'network', 'NVIDIA driver', 'CUDA 11', 'cuDNN 8']);
  expect(reports[2]!.checks.map(({ name }) => name)).toEqual(['platform', 'node', 'npm', 'disk', 'Vulkan']);
  for (const { name, ok, hint } of reports.flatMap(({ checks }) => checks)) if (!ok) expect(hint, name).toBeTruthy();
  expect(reports[1]!.checks.find(({ name }) => name === 'network')).toMatchObject({ ok: false, detail: expect.stringContaining('http://127.0.0.1:1/libtensorflow-gpu-linux-x86_64-2.9.1.tar.gz is not reached') as string });
});

it('fetches nothing where the installation would fail', async () => {
  const { stderr, exitCode } = await mim('engine', 'install', 'tfjs-node-gpu', '--dir', folder);
  expect(exitCode).toBe(1);
  expect(stderr).toContain('MIM4010');
  expect(stderr).toContain('is not reached');
  expect(await readdir(folder)).toEqual([]);
});
