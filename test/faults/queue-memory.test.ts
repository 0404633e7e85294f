/** A training for which the memory that its process may have is really too little. */
import { execFileSync, spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { nativeHere } from '../native-here';
import { ensureBuilt, startMim } from '../unit/cli/built-mim';
import { QueueBench } from './queue-bench';
import { tinyExperiment } from './queue-experiment';

let bench: QueueBench;
beforeAll(ensureBuilt);
beforeEach(async () => {
  bench = await QueueBench.open();
});
afterEach(() => bench.close());

/** Most of what it needs is for the values that a pass keeps. */
const large = (engine: string): string => tinyExperiment({ name: 'large' })
  .replace('size: 16, image_size: 8', 'size: 4096, image_size: 16')
  .replace('width: 8, depth: 1, heads: 1', 'width: 64, depth: 2, heads: 2')
  .replace('ratio: 0.5', 'ratio: 0')
  .replace('batch_size: 8', 'batch_size: 4096')
  .replace('tfjs-cpu', engine);

/** Memory of its own, in kB, that a training takes at most; undefined where the system does not tell. Address space says nothing: V8 reserves gigabytes of it, and not always as many. */
async function memoryOf(args: readonly string[]): Promise<number | undefined> {
  const training = startMim(args);
  let most: number | undefined;
  const timer = setInterval(() => {
    void readFile(`/proc/${training.process.pid}/status`, 'latin1').then((status) => (most = Math.max(most ?? 0, Number(/^VmData:\s+(\d+)/m.exec(status)?.[1] ?? 0))), () => undefined);
  }, 50);
  expect((await training.ended).code, training.stderr()).toBe(0);
  clearInterval(timer);
  return most;
}

/** Supervises with at most so much memory of its own for each process. */
function superviseWithin(kilobytes: number): Promise<number | null> {
  const command = `ulimit -d ${kilobytes}; exec "${process.execPath}" dist/mim.mjs queue run`;
  const child = spawn('bash', ['-c', command], { stdio: 'ignore', env: { ...process.env, ...bench.environment } });
  return new Promise((resolve) => child.once('close', resolve));
}

function limitsWork(): boolean {
  try {
    execFileSync('bash', ['-c', 'ulimit -d 4000000000'], { stdio: 'ignore' });
    return process.platform === 'linux';
  } catch {
    return false;
  }
}

describe.skipIf(!limitsWork())('a training that runs out of memory', () => {
  it.each(['compiled-cpu', ...nativeHere])('on %s is begun anew in smaller passes, and its run says why; one that may not fails', { timeout: 600_000 }, async (engine) => {
    const config = join(bench.folder, 'large.mim.yaml');
    await writeFile(config, large(engine));
    const enough = await memoryOf(['pretrain', config, '--runs', join(bench.folder, 'measured'), '--set', 'optimizer.accumulate=8']);
    expect(enough).toBeGreaterThan(0);

    const [split] = await bench.add(config);
    const [whole] = await bench.add(config, '--no-accumulate', '--name', 'whole');
    expect(await superviseWithin(2 * enough!)).toBe(0);

    const entry = await bench.entry(split!);
    expect(entry, entry.reason).toMatchObject({ state: 'done' });
    expect(entry.attempts).toBeGreaterThan(1);
    expect(await readFile(join(entry.run!, 'log.txt'), 'utf8')).toMatch(/ran out of memory \(.*\); the batch is split into \d+ passes/);
    expect(await readFile(join(entry.run!, 'config.yaml'), 'utf8')).toMatch(/^ {2}accumulate: (2|4|8|16)$/m);
    expect(await bench.entry(whole!)).toMatchObject({ state: 'failed', attempts: 1, reason: expect.stringContaining('raise `optimizer.accumulate`') as string });
  });
});
