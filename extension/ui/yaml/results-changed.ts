/** When what an editor shows of earlier runs changes: results and states, not every step of every running job. */
import * as vscode from 'vscode';
import type { RunLibrary } from '../../core/library/library';
import type { LibraryRun } from '../../core/library/library-run';

export class ResultsChanged implements vscode.Disposable {
  private readonly emitter = new vscode.EventEmitter<void>();
  readonly event = this.emitter.event;
  private readonly known = new Map<string, string>();
  private readonly stop: () => void;

  constructor(library: RunLibrary) {
    this.stop = library.onChange((changed) => {
      const news = [...changed].filter((key) => this.isNews(key, library.get(key)));
      if (news.length > 0) this.emitter.fire();
    });
  }

  dispose(): void {
    this.stop();
    this.emitter.dispose();
  }

  private isNews(key: string, run: LibraryRun | undefined): boolean {
    const now = run ? JSON.stringify([run.name, run.state, run.evaluations.length, run.status?.totalSteps, run.experimentFile]) : '';
    const isNews = this.known.get(key) !== now;
    this.known.set(key, now);
    return isNews;
  }
}
