/** A trainer in little, to be killed: records a step, saves every few, for ever. Contents follow from the step. */
import type { CheckpointContents } from '../../extension/core/checkpoints/checkpoint-folder';
import { RunDirectory } from '../../extension/core/runs/run-directory';

/** @param scale of the sizes; at 1 a checkpoint takes some 760 kB. */
export function contentsOf(step: number, scale = 1): CheckpointContents {
  const tensor = (size: number, salt: number): CheckpointContents['model'][string] => ({
    shape: [size],
    dtype: 'float32',
    data: Float32Array.from({ length: size }, (_, i) => step * 31 + salt + (i % 97)),
  });
  return { step, epoch: step, model: { a: tensor(60_000 * scale, 1) }, method: { b: tensor(10_000 * scale, 2) }, state: { c: tensor(120_000 * scale, 3) }, stateJson: { step }, metadata: {} };
}

async function trainForEver(path: string): Promise<void> {
  const run = await RunDirectory.open(path);
  await run.lock();
  const latest = await run.latestGoodCheckpoint();
  let step = latest?.step ?? 0;
  await run.truncateMetricsAfter(step);
  await run.writeStatus({ state: 'running', step });
  process.stdout.write('training\n');
  for (;;) {
    step++;
    await run.appendMetrics({ step, loss: 1 / step, pad: 'x'.repeat(3000) });
    if (step % 3 !== 0) continue;
    await run.saveCheckpoint(contentsOf(step));
    await run.pruneCheckpoints({ newest: 2, everyEpochs: 1000 });
    await run.writeStatus({ step });
  }
}

const [, , path] = process.argv;
if (process.env['MIM_FAULT_WRITER'] !== undefined && path !== undefined) await trainForEver(path);
