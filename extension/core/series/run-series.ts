/** The metrics of one run: a sample of a large file at once, all of it when it has been read, then what is added. */
import type { MetricRecord } from '../runs/metrics-file';
import type { RecordSink, RecordSource } from './record-source';
import { SeriesStore } from './series-store';

export class RunSeries {
  /** Why the file cannot be read, as a sentence. */
  problem: string | undefined;
  private readonly all: SeriesStore;
  private sample: SeriesStore | undefined;
  private complete = false;
  private glanced = false;
  private reading: Promise<boolean> | undefined;

  constructor(
    private readonly source: RecordSource,
    private readonly firstLevel: number,
  ) {
    this.all = new SeriesStore(firstLevel);
  }

  /** What is known now; a sample while the rest is being read. */
  get store(): SeriesStore {
    return this.sample ?? this.all;
  }

  /** Whether everything was read once. */
  get isComplete(): boolean {
    return this.complete;
  }

  /** Makes `store` worth showing: reads a small file whole, of a large one a sample. Quick, and once only. */
  async glance(): Promise<void> {
    if (this.glanced) return;
    this.glanced = true;
    const records = await this.source.overview?.().catch(() => undefined);
    if (records === undefined) {
      await this.update();
    } else if (!this.complete) {
      this.sample = new SeriesStore(this.firstLevel);
      for (const record of records) this.sample.add(record);
    }
  }

  /** Reads what was added; true where `store` changed. A file that cannot be read is a `problem`. */
  update(): Promise<boolean> {
    this.reading ??= this.readNew().finally(() => (this.reading = undefined));
    return this.reading;
  }

  private async readNew(): Promise<boolean> {
    const before = this.all.version;
    const hadProblem = this.problem;
    try {
      await this.source.readInto(this.sink);
      this.problem = undefined;
    } catch (error) {
      this.problem = `The metrics cannot be read: ${error instanceof Error ? error.message : String(error)}`;
    }
    const first = !this.complete;
    this.complete = true;
    this.sample = undefined;
    return first || this.all.version !== before || this.problem !== hadProblem;
  }

  private readonly sink: RecordSink = {
    restart: () => this.all.clear(),
    add: (records: readonly MetricRecord[]) => {
      for (const record of records) this.all.add(record);
    },
  };
}
