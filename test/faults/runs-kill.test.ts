import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { verifyCheckpoint } from '../../extension/core/checkpoints/checkpoint-folder';
import { RunDirectory } from '../../extension/core/runs/run-directory';
import { fastFolder } from './fast-folder';
import { killedAt } from './kill-point';
import { contentsOf } from './runs-writer';

/** Changes of the file system at which the writer is killed: from some checkpoints on, down to its first steps. */
const KILLS = Array.from({ length: 30 }, (_, kill) => 160 - 5 * kill);

let folder: string;
let writer: string;
beforeAll(async () => {
  folder = await fastFolder('mim-kill-');
  writer = path.join(folder, 'writer.mjs');
  await build({ entryPoints: [fileURLToPath(new URL('runs-writer.ts', import.meta.url))], outfile: writer, bundle: true, platform: 'node', format: 'esm', target: 'node20', logLevel: 'warning' });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Runs the writer until it is killed at its nth change of the file system. */
async function killWriter(run: RunDirectory, nth: number): Promise<void> {
  const child = spawn(process.execPath, [writer, run.path], { env: { ...process.env, MIM_FAULT_WRITER: '1', ...killedAt({ nth }) }, stdio: ['ignore', 'ignore', 'inherit'] });
  const [, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  expect(signal).toBe('SIGKILL');
}

it(`after each of ${KILLS.length} kills the run opens, its checkpoints verify, and its metrics are whole`, async () => {
  const run = await RunDirectory.create(folder, 'run', { resolvedYaml: '', sourceYaml: '', environment: {} });
  let furthest = 0;
  let interrupted = 0;
  for (const nth of KILLS) {
    await killWriter(run, nth);

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
