/** Whether a change of the library matters to an editor: results and states do, not every step of every running job. */
import type { RunLibrary } from '../library/library';
import type { LibraryRun } from '../library/library-run';

export class News {
  private readonly known = new Map<string, string>();

  /** @param changed keys of runs that are new, different or gone */
  isIn(changed: ReadonlySet<string>, library: Pick<RunLibrary, 'get'>): boolean {
    return [...changed].filter((key) => this.isNew(key, library.get(key))).length > 0;
  }

  private isNew(key: string, run: LibraryRun | undefined): boolean {
    const shown = run ? JSON.stringify([run.name, run.state, run.evaluations.length, run.status?.totalSteps, run.experimentFile]) : '';
    const isNew = this.known.get(key) !== shown;
    if (run) this.known.set(key, shown);
    else this.known.delete(key);
    return isNew;
  }
}
