/** One open checkpoint editor: answers its page from ranges of the file, and drops what is no longer asked for. */
import { compareTensors } from '../../core/checkpoints/compare-tensors';
import { describeCheckpoint } from '../../core/checkpoints/describe-checkpoint';
import { tensorDetail } from '../../core/checkpoints/tensor-detail';
import { withTensorFile } from '../../core/checkpoints/tensor-chunks';
import { UserError, sentences } from '../../core/problems';
import type { Channel } from '../../core/protocol/channel';
import type { FromCheckpoint, TensorChange, ToCheckpoint } from '../../core/protocol/checkpoint';

export interface SessionOptions {
  readonly file: string;
  readonly channel: Channel<FromCheckpoint, ToCheckpoint>;
  /** Asks the user for a checkpoint to compare with; undefined where they decline. */
  readonly askForOther: () => Promise<string | undefined>;
  /** Is told of errors that are not the user's to mend. */
  readonly log: (error: unknown) => void;
}

/** Milliseconds between two snapshots of a comparison that goes on. */
const SNAPSHOT_INTERVAL = 250;

type Task = 'header' | 'detail' | 'scan' | 'comparison';

export class CheckpointSession {
  private readonly tasks = new Map<Task, AbortController>();
  private readonly stopListening: () => void;
  /** What is compared with, kept while the page is hidden. */
  private other: string | undefined;
  private isReady = false;

  constructor(private readonly options: SessionOptions) {
    this.stopListening = options.channel.listen((message) => this.hear(message));
  }

  /** @param other a safetensors file; the change is told from this session's file to it. */
  compareWith(other: string): void {
    if (this.isReady) this.compare(other);
    else this.other = other;
  }

  dispose(): void {
    this.stopListening();
    for (const task of this.tasks.values()) task.abort();
  }

  private hear(message: FromCheckpoint): void {
    switch (message.type) {
      case 'ready':
        return this.start(message.compareWith);
      case 'detail':
        return this.run('detail', { tensor: message.name }, (signal) => this.tellDetails([message.name], signal));
      case 'scan':
        return this.run('scan', undefined, (signal) => this.scan(message.names, signal));
      case 'stop-scanning':
        this.tasks.get('scan')?.abort();
        return this.send({ type: 'scanned' });
      case 'compare':
        return message.file === undefined ? this.askAndCompare() : this.compare(message.file);
      case 'stop-comparing':
        this.other = undefined;
        this.tasks.get('comparison')?.abort();
        return;
      default:
        return message satisfies never;
    }
  }

  /** The page is new, or was hidden and made again: whatever was under way is asked for anew. */
  private start(shownBefore: string | undefined): void {
    for (const task of this.tasks.values()) task.abort();
    this.isReady = true;
    this.run('header', undefined, async (signal) => {
      const header = await describeCheckpoint(this.options.file);
      if (!signal.aborted) this.send(header);
    });
    const other = this.other ?? shownBefore;
    if (other !== undefined) this.compare(other);
  }

  private async scan(names: readonly string[], signal: AbortSignal): Promise<void> {
    try {
      await this.tellDetails(names, signal);
    } finally {
      if (!signal.aborted) this.send({ type: 'scanned' });
    }
  }

  /** One tensor that cannot be read does not keep the next from being told. */
  private async tellDetails(names: readonly string[], signal: AbortSignal): Promise<void> {
    await withTensorFile(this.options.file, async (opened) => {
      for (const name of names) {
        signal.throwIfAborted();
        try {
          const detail = await tensorDetail(opened, name, signal);
          this.send({ type: 'detail', detail });
        } catch (error) {
          if (signal.aborted || !(error instanceof UserError)) throw error;
          this.send({ type: 'problem', about: { tensor: name }, text: this.sentence(error) });
        }
      }
    });
  }

  private askAndCompare(): void {
    this.run('comparison', 'comparison', async (signal) => {
      const other = await this.options.askForOther();
      if (other !== undefined && !signal.aborted) this.compare(other);
    });
  }

  private compare(other: string): void {
    this.other = other;
    this.run('comparison', 'comparison', async (signal) => {
      const changes: TensorChange[] = [];
      const tell = (done: boolean) => this.send({ type: 'changes', other, changes, done });
      tell(false);
      let told = Date.now();
      await withTensorFile(this.options.file, (a) =>
        withTensorFile(other, async (b) => {
          for await (const change of compareTensors(a, b, signal)) {
            changes.push(change);
            if (Date.now() - told < SNAPSHOT_INTERVAL) continue;
            tell(false);
            told = Date.now();
          }
        }));
      if (!signal.aborted) tell(true);
    });
  }

  /** Ends the task of that name which is under way, and tells what goes wrong with this one. */
  private run(task: Task, about: Extract<ToCheckpoint, { readonly type: 'problem' }>['about'], work: (signal: AbortSignal) => Promise<void>): void {
    this.tasks.get(task)?.abort();
    const controller = new AbortController();
    this.tasks.set(task, controller);
    work(controller.signal).catch((error: unknown) => {
      if (controller.signal.aborted) return;
      if (task === 'comparison') this.other = undefined;
      this.send({ type: 'problem', about, text: this.sentence(error) });
    });
  }

  private send(message: ToCheckpoint): void {
    this.options.channel.send(message);
  }

  private sentence(error: unknown): string {
    if (error instanceof UserError) return `${sentences(error)} (${error.code})`;
    this.options.log(error);
    return `${this.options.file} cannot be read: ${error instanceof Error ? error.message : String(error)}`;
  }
}
