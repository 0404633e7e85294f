/**
 * The heartbeat from a thread of its own: a trainer may be inside one native call for minutes, and its timers then rest.
 */
import { Worker } from 'node:worker_threads';

const BEAT_MS = 5_000;

/** A text and no file of its own, so that it runs the same from sources and from any bundle. A beat that fails is not the end of a run. */
const PROGRAM = `
const { utimesSync, writeFileSync } = require('node:fs');
const { workerData: { file, intervalMs } } = require('node:worker_threads');
function beat() {
  try {
    const now = new Date();
    utimesSync(file, now, now);
  } catch (error) {
    if (error.code !== 'ENOENT') return;
    try {
      writeFileSync(file, 'beats of process ' + process.pid + '\\n');
    } catch {}
  }
}
beat();
setInterval(beat, intervalMs);
`;

/**
 * Touches `heartbeatFile` at once and every few seconds, whatever this thread does. It does not keep the process alive.
 * @returns what ends it; when that resolves the file is not touched any more. Calling it again does nothing.
 */
export function keepBeating(heartbeatFile: string, intervalMs = BEAT_MS): () => Promise<void> {
  // Loaders of the process (`--import`, `--require`) have no business in it.
  const worker = new Worker(PROGRAM, { eval: true, execArgv: [], workerData: { file: heartbeatFile, intervalMs } });
  // Without memory for a thread the run goes on unwatched.
  worker.on('error', () => undefined);
  worker.unref();
  return async () => {
    await worker.terminate();
  };
}
