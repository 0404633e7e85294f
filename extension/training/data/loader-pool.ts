/** Where image work is done: in loader threads, or in this thread where there are none. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { ImageWork, type WorkOrder, type WorkResult, type WorkSettings } from './image-work';
import { unpackError, type OrderMessage, type ReplyMessage } from './loader-messages';

export interface ImagePool {
  /** How many orders run at the same time. */
  readonly width: number;
  run(order: WorkOrder): Promise<WorkResult>;
  /** Ends the threads; orders still running are refused. */
  close(): Promise<void>;
}

/**
 * The built thread program beside this bundle. Run from TypeScript sources (tests, tools) there is none, and a `dist/` that
 * may be older than the sources is not looked for: the work is then done in this thread, with the same results.
 */
export function builtThreadFile(): string | undefined {
  if (import.meta.url.endsWith('.ts')) return undefined;
  return ['./loader-thread.mjs', '../loader-thread.mjs'].map((path) => fileURLToPath(new URL(path, import.meta.url))).find((path) => existsSync(path));
}

export class InProcessPool implements ImagePool {
  readonly width = 1;
  private readonly work: Promise<ImageWork>;
  private queue: Promise<unknown> = Promise.resolve();

  constructor(settings: WorkSettings) {
    this.work = ImageWork.open(settings);
    this.work.catch(() => undefined);
  }

  run(order: WorkOrder): Promise<WorkResult> {
    const result = this.queue.then(async () => (await this.work).run(order));
    this.queue = result.catch(() => undefined);
    return result;
  }

  async close(): Promise<void> {
    await this.queue;
    (await this.work.catch(() => undefined))?.close();
  }
}

interface Pending {
  readonly thread: Thread;
  resolve(result: WorkResult): void;
  reject(error: Error): void;
}

interface Thread {
  readonly worker: Worker;
  /** Orders given to it and not yet answered. */
  open: number;
  /** Why it takes no more orders: what is sent to a thread that has ended is never answered. */
  ended?: Error;
}

/**
 * Orders go to the thread with the fewest, at once, so that threads keep working while the main thread computes. How many there
 * are is bounded by the loader, which asks only a few batches ahead.
 */
export class ThreadPool implements ImagePool {
  readonly width: number;
  private readonly threads: Thread[];
  private readonly pending = new Map<number, Pending>();
  private nextId = 0;

  constructor(settings: WorkSettings, count: number, threadFile: string) {
    this.width = count;
    this.threads = Array.from({ length: count }, () => {
      const worker = new Worker(threadFile, { workerData: settings });
      const thread: Thread = { worker, open: 0 };
      worker.on('message', (reply: ReplyMessage) => this.settle(reply));
      worker.on('error', (error: Error) => this.fail(thread, error));
      worker.on('exit', () => this.fail(thread, new Error('A loader thread ended unexpectedly')));
      // An idle pool does not keep the process alive; see `hold`.
      worker.unref();
      return thread;
    });
  }

  run(order: WorkOrder): Promise<WorkResult> {
    const living = this.threads.filter((thread) => !thread.ended);
    const thread = living.reduce((least, candidate) => (candidate.open < least.open ? candidate : least), living[0]!);
    if (!thread) return Promise.reject(this.threads[0]!.ended!);
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      this.pending.set(id, { thread, resolve, reject });
      hold(thread, 1);
      const message: OrderMessage = { id, order };
      thread.worker.postMessage(message, order.memory ? [order.memory.buffer] : []);
    });
  }

  async close(): Promise<void> {
    for (const thread of this.threads) this.fail(thread, new Error('The image loader was closed'));
    await Promise.all(this.threads.map((thread) => thread.worker.terminate()));
  }

  private settle(reply: ReplyMessage): void {
    const pending = this.pending.get(reply.id);
    if (!pending) return;
    this.pending.delete(reply.id);
    hold(pending.thread, -1);
    if (reply.error) pending.reject(unpackError(reply.error));
    else pending.resolve(reply.result);
  }

  /** Refuses what the thread has and takes it out of service. */
  private fail(thread: Thread, error: Error): void {
    thread.ended = error;
    for (const [id, pending] of this.pending) {
      if (pending.thread !== thread) continue;
      this.pending.delete(id);
      hold(thread, -1);
      pending.reject(error);
    }
  }
}

/** A thread with open orders keeps the process alive, an idle one does not. */
function hold(thread: Thread, change: 1 | -1): void {
  thread.open += change;
  if (thread.open > 0) thread.worker.ref();
  else thread.worker.unref();
}
