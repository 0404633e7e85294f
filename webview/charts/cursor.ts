/** One place on the x axis that several charts point at together. */
export class SharedCursor {
  private readonly listeners = new Set<(x: number | undefined) => void>();
  private place: number | undefined;

  /** In units of the x axis; undefined: the end of every curve. */
  get x(): number | undefined {
    return this.place;
  }

  set(x: number | undefined): void {
    if (x === this.place) return;
    this.place = x;
    for (const listener of this.listeners) listener(x);
  }

  listen(listener: (x: number | undefined) => void): () => void {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  }
}
