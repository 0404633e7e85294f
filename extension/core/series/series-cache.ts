/** The series of the runs that are looked at, read in the background and followed while they grow. */
import type { RunKey } from '../protocol/dashboard';
import type { RecordSource } from './record-source';
import { RunSeries } from './run-series';

/** A run whose metrics can be read. */
export interface SeriesOwner {
  readonly key: RunKey;
  /** Records may still be added. */
  readonly isLive: boolean;
  readonly firstLevel: number;
  open(): RecordSource;
}

/** Kept beside the selected ones, so that deselecting and selecting again is quick. */
const SPARE_RUNS = 16;
/** While a long file is read, those who look are told at most this often. */
const TELL_MS = 300;
/** Reading begins so long after there is something to show: drawing it, by other processes, goes first. */
const DRAWING_MS = 500;

export class SeriesCache {
  /** Least recently selected first. */
  private readonly known = new Map<RunKey, RunSeries>();
  /** Read to the end after they ceased to grow. */
  private readonly settled = new Set<RunKey>();
  private selected: readonly SeriesOwner[] = [];
  private working = false;
  private timer: NodeJS.Timeout | undefined;
  private lastTold = 0;

  /** @param onChange told with no more news than there is @param pollMs how often growing files are looked at */
  constructor(
    private readonly onChange: () => void,
    private readonly pollMs: number,
  ) {}

  /** From now on these are read and followed; resolves when there is something to show of each. */
  async select(owners: readonly SeriesOwner[]): Promise<ReadonlyMap<RunKey, RunSeries>> {
    this.selected = owners;
    const chosen = new Map(owners.map((owner) => [owner.key, this.open(owner)]));
    this.dropOthers();
    await Promise.all([...chosen.values()].map((series) => series.glance()));
    if (!this.working) this.timer ??= setTimeout(() => void this.work(), Math.min(DRAWING_MS, this.pollMs));
    return chosen;
  }

  /** Reads no more until the next `select`. What is known stays. */
  rest(): void {
    this.selected = [];
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private open(owner: SeriesOwner): RunSeries {
    const series = this.known.get(owner.key) ?? new RunSeries(owner.open(), owner.firstLevel);
    this.known.delete(owner.key);
    this.known.set(owner.key, series);
    return series;
  }

  private dropOthers(): void {
    for (const key of this.known.keys()) {
      if (this.known.size <= this.selected.length + SPARE_RUNS) return;
      this.known.delete(key);
      this.settled.delete(key);
    }
  }

  /** One file after another: those that were never read, those that grow, and once those that ceased to. */
  private async work(): Promise<void> {
    if (this.working) return;
    this.working = true;
    clearTimeout(this.timer);
    this.timer = undefined;
    do {
      let news = false;
      for (const owner of this.selected) {
        if (!this.wants(owner)) continue;
        news = (await this.known.get(owner.key)!.update()) || news;
        if (owner.isLive) this.settled.delete(owner.key);
        else this.settled.add(owner.key);
        if (news && Date.now() - this.lastTold >= TELL_MS) news = this.tell();
      }
      if (news) this.tell();
    } while (this.selected.some(({ key }) => this.known.get(key)?.isComplete === false));
    this.working = false;
    if (this.selected.some((owner) => this.wants(owner))) this.timer = setTimeout(() => void this.work(), this.pollMs);
  }

  /** Not one that was deselected since, nor one that says no more. */
  private wants({ key, isLive }: SeriesOwner): boolean {
    return this.known.has(key) && this.selected.some((owner) => owner.key === key) && (isLive || !this.settled.has(key));
  }

  private tell(): false {
    this.lastTold = Date.now();
    if (this.selected.length > 0) this.onChange();
    return false;
  }
}
