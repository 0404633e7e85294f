import type { RunDirectory } from '../core/runs/run-directory';

const BEAT_MS = 5_000;

/** Touches the run's heartbeat while a training lives; returns what ends it. A beat that fails (a full disk) is not the end of a run. */
export function keepAlive(run: RunDirectory): () => Promise<void> {
  const timer = setInterval(() => void run.beat().catch(() => undefined), BEAT_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
    return Promise.resolve();
  };
}
