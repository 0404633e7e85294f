/** Problems while typing, from the checker of the command line. */
import { isAbsolute } from 'node:path';
import * as vscode from 'vscode';
import { checkWhileTyping } from '../../core/language/check';
import { withoutToldElsewhere } from '../../core/language/told-elsewhere';
import type { Problem } from '../../core/problems';
import { isExperiment } from './experiment-files';

const DELAY = 300;

/** What was found in one version of a text. */
interface Findings {
  readonly version: number;
  readonly all: readonly Problem[];
  /** Those that no other extension tells. */
  readonly shown: readonly Problem[];
}

/** Shows the problems of every open experiment, and remembers them for their quick fixes. */
export class Diagnostics implements vscode.Disposable {
  private readonly collection = vscode.languages.createDiagnosticCollection('mim');
  private readonly timers = new Map<string, NodeJS.Timeout>();
  /** The newest check of each document; those before it keep silent. */
  private readonly checks = new Map<string, symbol>();
  private readonly findings = new Map<string, Findings>();
  private readonly subscriptions: vscode.Disposable[];

  constructor(
    private readonly errorsPage: vscode.Uri,
    private readonly log: vscode.LogOutputChannel,
  ) {
    this.subscriptions = [
      vscode.workspace.onDidOpenTextDocument((document) => this.schedule(document, 0)),
      vscode.workspace.onDidChangeTextDocument(({ document, contentChanges }) => contentChanges.length > 0 && this.schedule(document, DELAY)),
      // Files that an experiment names may have come or gone.
      vscode.workspace.onDidSaveTextDocument((document) => this.schedule(document, 0)),
      vscode.window.onDidChangeActiveTextEditor((editor) => editor && this.schedule(editor.document, 0)),
      vscode.workspace.onDidCloseTextDocument((document) => this.forget(document)),
      vscode.workspace.onDidGrantWorkspaceTrust(() => this.checkAll()),
      vscode.languages.onDidChangeDiagnostics(({ uris }) => this.reconsider(uris)),
    ];
    this.checkAll();
  }

  /** The problems of this very version of the text, also those another extension shows; empty while it is being checked. */
  of(document: vscode.TextDocument): readonly Problem[] {
    const known = this.findings.get(document.uri.toString());
    return known?.version === document.version ? known.all : [];
  }

  dispose(): void {
    for (const timer of this.timers.values()) clearTimeout(timer);
    this.checks.clear();
    for (const subscription of this.subscriptions) subscription.dispose();
    this.collection.dispose();
  }

  private checkAll(): void {
    for (const document of vscode.workspace.textDocuments) this.schedule(document, 0);
  }

  private schedule(document: vscode.TextDocument, delay: number): void {
    // The original side of a diff and other views of a file are not edited.
    if (!isExperiment(document) || !['file', 'untitled'].includes(document.uri.scheme)) return;
    const key = document.uri.toString();
    const check = Symbol(key);
    this.checks.set(key, check);
    clearTimeout(this.timers.get(key));
    this.timers.set(key, setTimeout(() => void this.check(document, check).catch((error: unknown) => this.log.error(String(error))), delay));
  }

  private async check(document: vscode.TextDocument, check: symbol): Promise<void> {
    const key = document.uri.toString();
    const { version } = document;
    // An untrusted text may name a network share, and looking there would already tell it who asks.
    const files = vscode.workspace.isTrusted && isAbsolute(document.fileName);
    const all = await checkWhileTyping(document.getText(), document.fileName, { files, isStale: () => this.checks.get(key) !== check });
    if (!all || document.isClosed || document.version !== version) return;
    this.show(document, version, all);
  }

  private show(document: vscode.TextDocument, version: number, all: readonly Problem[]): void {
    const shown = withoutToldElsewhere(all, reportsOf(document.uri));
    this.findings.set(document.uri.toString(), { version, all, shown });
    this.collection.set(document.uri, shown.map((problem) => this.diagnostic(document, problem)));
  }

  /** Another extension has found something, or we have: only where it changes what is ours to tell. */
  private reconsider(uris: readonly vscode.Uri[]): void {
    for (const uri of uris) {
      const known = this.findings.get(uri.toString());
      const document = known && vscode.workspace.textDocuments.find((open) => open.uri.toString() === uri.toString());
      if (!document || document.version !== known.version) continue;
      if (withoutToldElsewhere(known.all, reportsOf(uri)).length !== known.shown.length) this.show(document, known.version, known.all);
    }
  }

  private forget(document: vscode.TextDocument): void {
    const key = document.uri.toString();
    clearTimeout(this.timers.get(key));
    this.timers.delete(key);
    this.checks.delete(key);
    this.findings.delete(key);
    this.collection.delete(document.uri);
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

function reportsOf(uri: vscode.Uri): { source?: string; firstLine: number; lastLine: number }[] {
  return vscode.languages.getDiagnostics(uri).map(({ source, range }) => ({ source, firstLine: range.start.line, lastLine: range.end.line }));
}
