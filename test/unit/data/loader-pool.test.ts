import { expect, it } from 'vitest';
import type { WorkOrder, WorkSettings } from '../../../extension/training/data/image-work';
import { ThreadPool } from '../../../extension/training/data/loader-pool';
import { temporaryFolder, write } from './fixtures';

const FATAL = 13;

/** A loader thread in little: answers with what it was asked for, and dies of one index. */
const program = `
import { parentPort } from 'node:worker_threads';
parentPort.on('message', ({ id, order }) => {
  if (order.indices[0] === ${FATAL}) process.exit(1);
  parentPort.postMessage({ id, result: { images: new Float32Array(0), indices: order.indices, unreadable: [] } });
});
`;

const order = (index: number): WorkOrder => ({ indices: Uint32Array.of(index), augment: 'centre' });
const settings: WorkSettings = { reader: { kind: 'files', paths: [] }, length: 0, imageSize: 1, seed: 0, randomCrop: { scale: [1, 1], ratio: [1, 1], flip: 0 }, mean: [0, 0, 0], std: [1, 1, 1], maxUnreadable: 0 };

it('a thread that died gets no more orders; when all have, orders are refused instead of waiting for ever', async () => {
  const pool = new ThreadPool(settings, 2, write(temporaryFolder(), 'thread.mjs', program));
  await expect(pool.run(order(FATAL))).rejects.toThrow('ended unexpectedly');
  const answers = await Promise.all([1, 2, 3, 4].map((index) => pool.run(order(index))));
  expect(answers.map(({ indices }) => indices[0])).toEqual([1, 2, 3, 4]);
  await expect(Promise.all([pool.run(order(FATAL)), pool.run(order(5))])).rejects.toThrow('ended unexpectedly');
  await expect(pool.run(order(6))).rejects.toThrow('ended unexpectedly');
  await pool.close();
  await expect(pool.run(order(7))).rejects.toThrow('was closed');
});
