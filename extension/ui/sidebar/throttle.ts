/** Calls that come in a rush become one at the start and one at the end of each interval. */
export class Throttle {
  private timer: NodeJS.Timeout | undefined;
  private waiting = false;

  constructor(
    private readonly work: () => void,
    private readonly milliseconds: number,
  ) {}

  ask(): void {
    if (this.timer !== undefined) {
      this.waiting = true;
      return;
    }
    this.timer = setTimeout(() => {
      this.timer = undefined;
      if (!this.waiting) return;
      this.waiting = false;
      this.ask();
    }, this.milliseconds);
    this.work();
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.waiting = false;
  }
}
