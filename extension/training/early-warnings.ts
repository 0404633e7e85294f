/** Tells of a training that goes wrong while there is still time: what the dashboard warns of, each once. */
import type { ResolvedExperiment } from '../core/config/schema';
import type { Diagnostics } from '../core/runs/diagnostics';
import type { MetricRecord } from '../core/runs/metrics-file';
import { collapseWarning, diagnosedSpread, lossWarnings, type EarlyWarning } from '../core/series/early-warnings';
import { SeriesStore } from '../core/series/series-store';
import type { ProbeResult } from './probe-results';

/** Records between two looks at the loss. */
const LOOK_EVERY = 50;

export class EarlyWarnings {
  private readonly told = new Set<EarlyWarning['kind']>();
  private readonly store = new SeriesStore();

  constructor(
    private readonly experiment: ResolvedExperiment,
    private readonly tell: (line: string) => void,
  ) {}

  /** What an earlier part of the run has recorded. */
  recall(records: readonly MetricRecord[]): void {
    for (const record of records) this.store.add(record);
  }

  recorded(record: MetricRecord): void {
    this.store.add(record);
    if (this.store.records % LOOK_EVERY === 0) lossWarnings(this.store, this.experiment).forEach((warning) => this.warn(warning));
  }

  diagnosed(found: Diagnostics): void {
    const spread = diagnosedSpread(found, this.experiment.student.width);
    if (spread) this.warn(collapseWarning(spread));
  }

  evaluated({ subject, name, step, result: { featureWidth: width, collapseStd, rankMe } }: ProbeResult): void {
    if (subject === 'student') this.warn(collapseWarning({ step, of: `The features of ${name}`, width, collapseStd, rankMe }));
  }

  private warn(warning: EarlyWarning | undefined): void {
    if (!warning || this.told.has(warning.kind)) return;
    this.told.add(warning.kind);
    this.tell(`Warning: ${warning.text}`);
  }
}
