/** When what an editor shows of earlier runs changes. */
import * as vscode from 'vscode';
import { News } from '../../core/language/news';
import type { RunLibrary } from '../../core/library/library';

export class ResultsChanged implements vscode.Disposable {
  private readonly emitter = new vscode.EventEmitter<void>();
  readonly event = this.emitter.event;
  private readonly stop: () => void;

  constructor(library: RunLibrary) {
    const news = new News();
    this.stop = library.onChange((changed) => {
      if (news.isIn(changed, library)) this.emitter.fire();
    });
  }

  dispose(): void {
    this.stop();
    this.emitter.dispose();
  }
}
