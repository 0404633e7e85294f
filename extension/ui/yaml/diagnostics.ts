/** Problems while typing, from the checker of the command line. */
import * as vscode from 'vscode';
import { checkWhileTyping } from '../../core/language/check';
import type { Problem } from '../../core/problems';
import { isExperiment } from './experiments';
import type { RedHat } from './red-hat';

const DELAY = 300;

/** Shows problems of every open experiment and remembers them for their quick fixes. */
export class Diagnostics implements vscode.Disposable {
  private readonly shown = vscode.languages.createDiagnosticCollection('mim');
  private readonly timers = new Map<string, NodeJS.Timeout>();
  private readonly problems = new Map<string, { readonly version: number; readonly all: readonly Problem[] }>();
  private readonly subscriptions: vscode.Disposable[];

  constructor(
    private readonly errorsPage: vscode.Uri,
    private readonly redHat: RedHat,
    private readonly log: vscode.LogOutputChannel,
  ) {
    this.subscriptions = [
      vscode.workspace.onDidOpenTextDocument((document) => this.schedule(document, 0)),
      vscode.workspace.onDidChangeTextDocument(({ document }) => this.schedule(document, DELAY)),
      // Files that an experiment names may have come or gone.
      vscode.workspace.onDidSaveTextDocument((document) => this.schedule(document, 0)),
      vscode.window.onDidChangeActiveTextEditor((editor) => editor && this.schedule(editor.document, 0)),
      vscode.workspace.onDidCloseTextDocument((document) => this.forget(document)),
      redHat.onChange(() => this.checkAll()),
    ];
    this.checkAll();
  }

  /** The problems of this very version of the text; empty while it is being checked. */
  of(document: vscode.TextDocument): readonly Problem[] {
    const known = this.problems.get(document.uri.toString());
    return known?.version === document.version ? known.all : [];
  }

  dispose(): void {
    for (const timer of this.timers.values()) clearTimeout(timer);
    for (const subscription of this.subscriptions) subscription.dispose();
    this.shown.dispose();
  }

  private checkAll(): void {
    for (const document of vscode.workspace.textDocuments) this.schedule(document, 0);
  }

  private schedule(document: vscode.TextDocument, delay: number): void {
    // The original side of a diff and other views of a file are not edited.
    if (!isExperiment(document) || !['file', 'untitled', 'vscode-remote'].includes(document.uri.scheme)) return;
    const key = document.uri.toString();
    clearTimeout(this.timers.get(key));
    this.timers.set(key, setTimeout(() => void this.check(document).catch((error: unknown) => this.log.error(String(error))), delay));
  }

  private async check(document: vscode.TextDocument): Promise<void> {
    const { version } = document;
    const all = await checkWhileTyping(document.getText(), document.fileName, { syntaxElsewhere: this.redHat.isActive });
    if (document.isClosed || document.version !== version) return;
    this.problems.set(document.uri.toString(), { version, all });
    this.shown.set(document.uri, all.map((problem) => this.diagnostic(document, problem)));
  }

  private forget(document: vscode.TextDocument): void {
    const key = document.uri.toString();
    clearTimeout(this.timers.get(key));
    this.timers.delete(key);
    this.problems.delete(key);
    this.shown.delete(document.uri);
  }

  private diagnostic(document: vscode.TextDocument, problem: Problem): vscode.Diagnostic {
    const message = problem.hint ? `${problem.message}\n${problem.hint}` : problem.message;
    const severity = problem.severity === 'error' ? vscode.DiagnosticSeverity.Error : vscode.DiagnosticSeverity.Warning;
    const diagnostic = new vscode.Diagnostic(rangeOf(document, problem), message, severity);
    diagnostic.source = 'mim';
    diagnostic.code = { value: problem.code, target: this.errorsPage };
    if (problem.code === 'MIM1116') diagnostic.tags = [vscode.DiagnosticTag.Unnecessary];
    return diagnostic;
  }
}

/** At least one character, so that there is something to point at; the first line where a problem has no place. */
export function rangeOf(document: vscode.TextDocument, { range }: Problem): vscode.Range {
  if (!range) return document.lineAt(0).range;
  const start = document.positionAt(range.start.offset);
  const end = document.positionAt(range.end.offset);
  return start.isEqual(end) ? (document.getWordRangeAtPosition(start) ?? document.lineAt(start.line).range) : new vscode.Range(start, end);
}
