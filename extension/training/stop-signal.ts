/** How whoever started a training asks it to save and end: set once, read by the trainer between steps. */
export class StopSignal {
  private reason: string | undefined;

  request(reason: string): void {
    this.reason ??= reason;
  }

  get requested(): boolean {
    return this.reason !== undefined;
  }

  /** Why, for the log and the run's status. */
  get why(): string {
    return this.reason ?? '';
  }
}

/** Why a training ends at an epoch it was to go to, and no further. */
export function asFarAs(epoch: number): string {
  return `asked to go as far as epoch ${epoch}`;
}
