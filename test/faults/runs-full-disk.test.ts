import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import type * as FsPromises from 'node:fs/promises';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { writeSafetensors } from '../../extension/core/checkpoints/safetensors';
import { RunDirectory } from '../../extension/core/runs/run-directory';
import { float32 } from '../../extension/core/tensors';
import { fastFolder } from './fast-folder';
import { contentsOf } from './runs-writer';

/** Bytes the pretended disk still takes; Infinity while nothing is pretended. */
const disk = vi.hoisted(() => ({ free: Infinity }));

vi.mock('node:fs/promises', async (importOriginal) => {
  const original = await importOriginal<typeof FsPromises>();
  const noSpace = (): Error => Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  return {
    ...original,
    open: async (...args: Parameters<typeof FsPromises.open>) => {
      const handle = await original.open(...args);
      const write = handle.write.bind(handle) as (bytes: Uint8Array, offset: number, length: number) => ReturnType<typeof handle.write>;
      const limited = async (bytes: Uint8Array, offset: number, length: number): Promise<unknown> => {
        if (disk.free <= 0) throw noSpace();
        // A disk that fills takes what it can of a write first.
        const taken = Math.min(length, disk.free);
        disk.free -= taken;
        return write(bytes, offset, taken);
      };
      return Object.assign(handle, { write: limited });
    },
  };
});

let folder: string;
beforeEach(async () => {
  disk.free = Infinity;
  folder = await fastFolder('mim-full-');
});
afterEach(async () => {
  disk.free = Infinity;
  await rm(folder, { recursive: true, force: true });
});

const diskFull = { code: 'MIM7001', message: expect.stringMatching(/^disk full: cannot write \//) as unknown };
const newRun = (): Promise<RunDirectory> => RunDirectory.create(folder, 'run', { resolvedYaml: 'mim: 1\n', sourceYaml: '', environment: {} });

describe('a disk that fills at any byte', () => {
  it('of a checkpoint leaves the one before, and nothing unfinished', async () => {
    const run = await newRun();
    const good = await run.saveCheckpoint(contentsOf(3, 0.01));
    const whole = Object.values(good.files).reduce((sum, { bytes }) => sum + bytes, 0);
    for (const step of [3, 6]) {
      for (let part = 0; part <= 12; part++) {
        disk.free = Math.floor((whole * part) / 12);
        await expect(run.saveCheckpoint(contentsOf(step, 0.01))).rejects.toMatchObject(diskFull);
        disk.free = Infinity;
        expect(await readdir(run.inside('checkpoints'))).toEqual(['step-000003']);
        expect(await run.readCheckpoint((await run.latestGoodCheckpoint())!)).toEqual(contentsOf(3, 0.01));
      }
    }
    await run.close();
  });

  it('of the metrics leaves the records before, and the next is whole', async () => {
    const run = await newRun();
    await run.appendMetrics({ step: 1 });
    for (const free of [0, 1, 7]) {
      disk.free = free;
      await expect(run.appendMetrics({ step: 2 })).rejects.toMatchObject(diskFull);
      expect(await readFile(run.inside('metrics.jsonl'), 'utf8')).toBe('{"step":1}\n');
    }
    disk.free = 3;
    await expect(run.truncateMetricsAfter(1)).rejects.toMatchObject(diskFull);
    disk.free = Infinity;
    await run.appendMetrics({ step: 2 });
    expect(await run.readMetrics()).toEqual([{ step: 1 }, { step: 2 }]);
    await run.close();
  });

  it('of the status, an evaluation, a sample or a lock leaves the old one', async () => {
    const run = await newRun();
    await run.writeStatus({ step: 5 });
    await run.writeEvaluation('knn', 5, { top1: 0.5 });
    disk.free = 10;
    await expect(run.writeStatus({ step: 6 })).rejects.toMatchObject(diskFull);
    await expect(run.writeEvaluation('knn', 5, { top1: 0.6 })).rejects.toMatchObject(diskFull);
    await expect(run.writeSample('a.png', new Uint8Array(100))).rejects.toMatchObject(diskFull);
    await expect(run.lock()).rejects.toMatchObject(diskFull);
    disk.free = Infinity;
    expect((await run.readStatus()).step).toBe(5);
    expect(await run.readEvaluations()).toEqual([{ protocol: 'knn', step: 5, result: { top1: 0.5 } }]);
    const names = [...(await readdir(run.path)), ...(await readdir(run.inside('evaluations'))), ...(await readdir(run.inside('samples')))];
    expect(names.filter((name) => name.startsWith('.'))).toEqual([]);
    await run.lock();
    await run.close();
  });

  it('of a new run says so, and what is left is not taken for a run', async () => {
    disk.free = 12;
    await expect(newRun()).rejects.toMatchObject(diskFull);
    await expect(RunDirectory.open(path.join(folder, 'run'))).rejects.toMatchObject({ code: 'MIM7103' });
  });

  it('of an export leaves the file before', async () => {
    const file = path.join(folder, 'x.safetensors');
    await writeSafetensors(file, { a: float32([1]) });
    const before = await readFile(file);
    disk.free = 50;
    await expect(writeSafetensors(file, { a: float32([1000]) })).rejects.toMatchObject(diskFull);
    expect(await readFile(file)).toEqual(before);
    expect(await readdir(folder)).toEqual(['x.safetensors']);
  });
});

/** A real small file system; only root may make one. */
function mountSmallDisk(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return undefined;
  const mountPoint = execFileSync('mktemp', ['-d'], { encoding: 'utf8' }).trim();
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', mountPoint], { stdio: 'ignore' });
    return mountPoint;
  } catch {
    rmSync(mountPoint, { recursive: true, force: true });
    return undefined;
  }
}

it('a disk that is really full keeps the checkpoint before, and training goes on once there is room', async (context) => {
  const small = mountSmallDisk();
  if (small === undefined) return context.skip('needs root and mount, to make a small disk');
  try {
    const run = await RunDirectory.create(small, 'run', { resolvedYaml: '', sourceYaml: '', environment: {} });
    await run.saveCheckpoint(contentsOf(1));
    await run.saveCheckpoint(contentsOf(2));
    await expect(run.saveCheckpoint(contentsOf(3))).rejects.toMatchObject(diskFull);
    expect((await readdir(run.inside('checkpoints'))).sort()).toEqual(['step-000001', 'step-000002']);
    expect(isDeepStrictEqual(await run.readCheckpoint((await run.latestGoodCheckpoint())!), contentsOf(2))).toBe(true);

    const filler = path.join(small, 'filler');
    await expect(writeFile(filler, new Uint8Array(4 << 20))).rejects.toMatchObject({ code: 'ENOSPC' });
    await expect(run.log('x'.repeat(8192))).rejects.toMatchObject(diskFull);
    await expect(run.writeStatus({ step: 3 })).rejects.toMatchObject(diskFull);
    await rm(filler);
    await run.pruneCheckpoints({ newest: 1, everyEpochs: 1000 });
    await run.saveCheckpoint(contentsOf(3));
    expect(isDeepStrictEqual(await run.readCheckpoint((await run.latestGoodCheckpoint())!), contentsOf(3))).toBe(true);
    await run.close();
  } finally {
    execFileSync('umount', [small]);
    await rm(small, { recursive: true, force: true });
  }
});
