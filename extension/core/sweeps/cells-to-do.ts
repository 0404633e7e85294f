/** Which cells of a sweep are to be worked on. */
import type { CellState, CellStatus } from './status';

export interface CellChoice {
  /** Only those no run trains. */
  readonly fill?: boolean;
  /** Only those that failed, anew. With `fill`: both. */
  readonly retry?: boolean;
  /** All, anew, also those that are done. */
  readonly again?: boolean;
}

/** Indexes, ascending. Without a choice: what is missing, and what was stopped or lost, which goes on. */
export function cellsToDo(status: readonly CellStatus[], choice: CellChoice = {}): number[] {
  return status.filter(({ state }) => isToDo(state, choice)).map(({ index }) => index);
}

function isToDo(state: CellState, { fill = false, retry = false, again = false }: CellChoice): boolean {
  switch (state) {
    case 'missing':
      return fill || again || !retry;
    case 'failed':
      return retry || again;
    case 'stopped':
    case 'lost':
      return again || (!fill && !retry);
    case 'finished':
    case 'dropped':
      return again;
    case 'running':
    case 'paused':
      return false;
  }
}
