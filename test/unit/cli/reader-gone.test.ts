import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exitCodes } from '../../../extension/cli/exit-codes';
import { RunDirectory } from '../../../extension/core/runs/run-directory';
import { ensureBuilt, startMim } from './built-mim';

let folder: string;
beforeAll(async () => {
  ensureBuilt();
  folder = await mkdtemp(join(tmpdir(), 'mim-reader-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const endless = `
mim: 1
method: maskalign
data: { kind: shapes, size: 8, image_size: 8, threads: 1 }
student: { patch_size: 4, width: 8, depth: 1, heads: 2, drop_path: 0 }
teacher: { ema: {} }
masking: { ratio: 0.5 }
optimizer: { batch_size: 4, lr: 1e-3 }
schedule: { epochs: 1000000 }
checkpoints: { every: 1000000 }
engine: tfjs-cpu
`;

describe('a training whose reader goes away', () => {
  it.each(['stdout', 'stderr'] as const)('on %s ends with a checkpoint', async (stream) => {
    const config = join(folder, 'endless.mim.yaml');
    await writeFile(config, endless);
    const mim = startMim(['pretrain', config, '--json', '--runs', folder, '--name', stream]);
    await mim.said(/"event":"step"/);
    mim.process[stream]!.destroy();
    // On stderr, lines come every ten seconds.
    expect((await mim.ended).code).toBe(exitCodes.stopped);
    const run = await RunDirectory.open(join(folder, stream));
    const { step } = await run.readStatus();
    expect(step).toBeGreaterThan(0);
    expect((await run.latestGoodCheckpoint())?.step).toBe(step);
  });
});
