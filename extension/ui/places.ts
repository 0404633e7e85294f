/** Where runs are looked for: the settings' folders, the `runs` of the workspace's experiments, and where jobs put theirs. */
import path from 'node:path';
import * as vscode from 'vscode';
import type { JobBoard } from '../core/jobs/job';
import type { RunLibrary } from '../core/library/library';
import { onSettings, pathSetting } from './settings';

const EXPERIMENTS = '**/*.mim.{yaml,yml}';
const MOST_EXPERIMENTS = 500;

export class RunPlaces implements vscode.Disposable {
  private readonly subscriptions: vscode.Disposable[];
  private ofExperiments = new Map<string, string | undefined>();
  private told = '';

  constructor(
    private readonly library: RunLibrary,
    private readonly jobs: JobBoard,
  ) {
    const unlisten = jobs.onChange(() => this.tell());
    this.subscriptions = [
      { dispose: unlisten },
      onSettings(['runFolders', 'externalRuns'], () => this.tell()),
      vscode.workspace.onDidChangeWorkspaceFolders(() => void this.lookForExperiments()),
      vscode.workspace.onDidSaveTextDocument((document) => void this.read(document.uri, document.getText())),
    ];
    this.tell();
  }

  /** The workspace's experiment files name run folders of their own. */
  async lookForExperiments(): Promise<void> {
    const files = await vscode.workspace.findFiles(EXPERIMENTS, '**/node_modules/**', MOST_EXPERIMENTS);
    for (const file of files) {
      const bytes = await vscode.workspace.fs.readFile(file).then((read) => read, () => undefined);
      if (bytes !== undefined) await this.remember(file, new TextDecoder().decode(bytes));
    }
    this.tell();
  }

  /** An experiment not yet saved, or just about to run. */
  async read(file: vscode.Uri, text: string): Promise<void> {
    if (!/\.mim\.ya?ml$/.test(file.path) || file.scheme !== 'file') return;
    await this.remember(file, text);
    this.tell();
  }

  private async remember(file: vscode.Uri, text: string): Promise<void> {
    const { checkText } = await import('../core/config/load');
    const runs = checkText(text, file.fsPath).resolved?.runs;
    this.ofExperiments.set(file.fsPath, runs === undefined ? undefined : path.resolve(path.dirname(file.fsPath), runs));
  }

  /** Hands the library what is known now; the events of settings may lag behind who changed them. */
  tell(): void {
    const absolute = (name: 'runFolders' | 'externalRuns') => pathSetting(name).map(({ base, path: entry }) => path.resolve(base, entry));
    const ofJobs = this.jobs.jobs.flatMap(({ run }) => (run === undefined ? [] : [path.dirname(run)]));
    const ofExperiments = [...this.ofExperiments.values()].filter((folder) => folder !== undefined);
    const places = { runFolders: [...new Set([...absolute('runFolders'), ...ofExperiments, ...ofJobs])], external: [...new Set(absolute('externalRuns'))] };
    const now = JSON.stringify(places);
    if (now === this.told) return;
    this.told = now;
    this.library.setPlaces(places);
  }

  dispose(): void {
    for (const subscription of this.subscriptions) subscription.dispose();
  }
}
