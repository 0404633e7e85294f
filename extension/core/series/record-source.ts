/** Where the records of a run come from: its metrics.jsonl, or a file of another tool. */
import type { MetricRecord } from '../runs/metrics-file';

export interface RecordSink {
  /** What was handed over before is void; all records follow. */
  restart(): void;
  /** Records in order, some thousands at most, so that whoever reads a large file can give way in between. */
  add(records: readonly MetricRecord[]): void;
}

export interface RecordSource {
  /** Hands over what was added since the last call. A file that is gone has no records. @throws what reading it throws */
  readInto(sink: RecordSink): Promise<void>;
  /** Some records from all over a large file, in order, for a first look; undefined where reading it all is as fast. */
  overview?(): Promise<readonly MetricRecord[] | undefined>;
}
