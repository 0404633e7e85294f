import { mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { keepBeating } from '../../../extension/core/runs/heartbeat-thread';

const INTERVAL_MS = 20;
/** How long a beat is waited for before it is taken to have failed. */
const PATIENCE_MS = 30_000;

let folder: string;
let heartbeat: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'mim-beat-'));
  heartbeat = path.join(folder, 'heartbeat');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Blocks this thread, as a long native call does, until the file is touched. */
function blockUntilTouched(): boolean {
  const sleep = new Int32Array(new SharedArrayBuffer(4));
  for (let waited = 0; waited < PATIENCE_MS; waited += 10) {
    if ((statSync(heartbeat, { throwIfNoEntry: false })?.mtimeMs ?? 0) > 0) return true;
    Atomics.wait(sleep, 0, 0, 10);
  }
  return false;
}

it('the heart beats on while this thread is blocked, until it is stopped', async () => {
  writeFileSync(heartbeat, '');
  utimesSync(heartbeat, 0, 0);
  const stop = keepBeating(heartbeat, INTERVAL_MS);
  for (let beat = 0; beat < 3; beat++) {
    expect(blockUntilTouched()).toBe(true);
    utimesSync(heartbeat, 0, 0);
  }
  await stop();
  utimesSync(heartbeat, 0, 0);
  await new Promise((resolve) => setTimeout(resolve, 5 * INTERVAL_MS));
  expect(statSync(heartbeat).mtimeMs).toBe(0);
});

it('a heartbeat file that is not there is made', async () => {
  const stop = keepBeating(heartbeat, INTERVAL_MS);
  expect(blockUntilTouched()).toBe(true);
  await stop();
});

it('a folder that is gone ends neither the beat nor this process', async () => {
  rmSync(folder, { recursive: true });
  const stop = keepBeating(heartbeat, INTERVAL_MS);
  await new Promise((resolve) => setTimeout(resolve, 5 * INTERVAL_MS));
  await stop();
  await stop();
});
