/** Says when something that costs a disk write is due again, so that short steps are not slowed by it. */
export class Pace {
  private next = -Infinity;

  constructor(private readonly intervalMs: number) {}

  due(): boolean {
    const now = performance.now();
    if (now < this.next) return false;
    this.next = now + this.intervalMs;
    return true;
  }
}
