/** Asked as often as anything changes, works at most once an interval, and never twice at a time. */
export class Pace {
  private timer: NodeJS.Timeout | undefined;
  private isAtWork = false;
  private isAsked = false;
  private last = 0;

  constructor(
    private readonly intervalMs: number,
    private readonly work: () => Promise<void>,
  ) {}

  ask(): void {
    this.isAsked = true;
    if (this.isAtWork || this.timer !== undefined) return;
    this.timer = setTimeout(() => void this.begin(), Math.max(0, this.last + this.intervalMs - Date.now()));
  }

  dispose(): void {
    this.isAsked = false;
    clearTimeout(this.timer);
  }

  private async begin(): Promise<void> {
    this.timer = undefined;
    if (!this.isAsked) return;
    this.isAsked = false;
    this.isAtWork = true;
    try {
      await this.work();
    } finally {
      this.isAtWork = false;
      this.last = Date.now();
      if (this.isAsked) this.ask();
    }
  }
}
