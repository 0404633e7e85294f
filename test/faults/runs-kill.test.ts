import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { verifyCheckpoint } from '../../extension/core/checkpoints/checkpoint-folder';
import { RunDirectory } from '../../extension/core/runs/run-directory';
import { fastFolder } from './fast-folder';
import { contentsOf } from './runs-writer';

const KILLS = 30;

let folder: string;
let writer: string;
beforeAll(async () => {
  folder = await fastFolder('mim-kill-');
  writer = path.join(folder, 'writer.mjs');
  await build({ entryPoints: [path.join(import.meta.dirname, 'runs-writer.ts')], outfile: writer, bundle: true, platform: 'node', format: 'esm', target: 'node20', logLevel: 'warning' });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function startWriter(run: RunDirectory): Promise<ChildProcess> {
  const child = spawn(process.execPath, [writer, run.path], { env: { ...process.env, MIM_FAULT_WRITER: '1' }, stdio: ['ignore', 'pipe', 'inherit'] });
  await Promise.race([
    once(child.stdout, 'data'),
    once(child, 'exit').then(() => {
      throw new Error('the writer ended by itself');
    }),
  ]);
  return child;
}

it(`after each of ${KILLS} kills at any moment the run opens, its checkpoints verify, and its metrics are whole`, async () => {
  const run = await RunDirectory.create(folder, 'run', { resolvedYaml: '', sourceYaml: '', environment: {} });
  let furthest = 0;
  let interrupted = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    const child = await startWriter(run);
    // From the first append to a few checkpoints later.
    await new Promise((resolve) => setTimeout(resolve, (kill % 20) * 4 + Math.random() * 4));
    child.kill('SIGKILL');
    await once(child, 'exit');

    expect(await run.state()).toBe('lost');
    const names = await readdir(run.inside('checkpoints'));
    if (names.some((name) => name.startsWith('.'))) interrupted++;
    const checkpoints = await run.listCheckpoints();
    for (const info of checkpoints) await verifyCheckpoint(info);

    const latest = await run.latestGoodCheckpoint();
    const step = latest?.step ?? 0;
    expect(step).toBeGreaterThanOrEqual(furthest);
    furthest = step;
    if (latest !== undefined) expect(isDeepStrictEqual(await run.readCheckpoint(latest), contentsOf(step))).toBe(true);

    const steps = (await run.readMetrics()).map((record) => record['step']);
    expect(steps).toEqual(steps.map((_, index) => index + 1));
    expect(steps.length).toBeGreaterThanOrEqual(step);
  }
  expect(furthest).toBeGreaterThan(0);
  // The moments were well chosen if some of them lay inside the writing of a checkpoint.
  expect(interrupted).toBeGreaterThan(0);

  await run.lock();
  expect((await readdir(run.inside('checkpoints'))).filter((name) => name.startsWith('.'))).toEqual([]);
  expect((await readdir(run.path)).filter((name) => name.startsWith('.'))).toEqual([]);
  await run.close();
}, 300_000);
