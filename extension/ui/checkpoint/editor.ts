/** The read-only editor of safetensors files: a page that asks, and a session that answers it from ranges of the file. */
import * as vscode from 'vscode';
import type { Channel } from '../../core/protocol/channel';
import type { FromCheckpoint, ToCheckpoint } from '../../core/protocol/checkpoint';
import { messageHtml, pageHtml } from './page';
import type { CheckpointSession, SessionOptions } from './session';

export const VIEW_TYPE = 'mim.checkpoint';

interface CheckpointDocument extends vscode.CustomDocument {
  readonly uri: vscode.Uri;
}

export class CheckpointEditors implements vscode.CustomReadonlyEditorProvider<CheckpointDocument> {
  private readonly sessions = new Map<string, CheckpointSession>();
  /** File to compare with, by the file whose editor is being opened. */
  private readonly wanted = new Map<string, string>();

  /** @param askForOther asks for what `file` is to be compared with. */
  constructor(
    private readonly extension: vscode.Uri,
    private readonly log: vscode.LogOutputChannel,
    private readonly askForOther: (file: string) => Promise<string | undefined>,
  ) {}

  /** Shows the file, and how its tensors differ from those of `other` where one is given. */
  async open(file: string, other?: string): Promise<void> {
    if (other !== undefined) this.wanted.set(file, other);
    await vscode.commands.executeCommand('vscode.openWith', vscode.Uri.file(file), VIEW_TYPE);
    this.compareAsWanted(file);
  }

  openCustomDocument(uri: vscode.Uri): CheckpointDocument {
    return { uri, dispose: () => undefined };
  }

  async resolveCustomEditor({ uri }: CheckpointDocument, panel: vscode.WebviewPanel, token: vscode.CancellationToken): Promise<void> {
    if (uri.scheme !== 'file') {
      // An earlier version in Git's diff, for instance: there is no file to read ranges of.
      panel.webview.html = messageHtml(`Checkpoints can be inspected only as files on disk, not as ${uri.scheme}: documents. Save this one to a folder and open it there.`);
      return;
    }
    const { CheckpointSession } = await import('./session');
    if (token.isCancellationRequested) return;
    const pages = vscode.Uri.joinPath(this.extension, 'dist', 'webview');
    const { webview } = panel;
    webview.options = { enableScripts: true, localResourceRoots: [pages] };
    // Before the page, which speaks first.
    const session = new CheckpointSession(this.sessionOptions(uri, webview));
    this.sessions.set(uri.fsPath, session);
    panel.onDidDispose(() => {
      session.dispose();
      if (this.sessions.get(uri.fsPath) === session) this.sessions.delete(uri.fsPath);
    });
    const resource = (name: string) => webview.asWebviewUri(vscode.Uri.joinPath(pages, name)).toString();
    webview.html = pageHtml({ title: 'Checkpoint', script: resource('checkpoint.js'), style: resource('checkpoint.css'), source: webview.cspSource });
    this.compareAsWanted(uri.fsPath);
  }

  private sessionOptions(uri: vscode.Uri, webview: vscode.Webview): SessionOptions {
    const file = uri.fsPath;
    return {
      file,
      channel: channelOf(webview),
      askForOther: () => this.askForOther(file),
      log: (error) => this.log.error(`${file}:`, error instanceof Error ? error : String(error)),
    };
  }

  private compareAsWanted(file: string): void {
    const other = this.wanted.get(file);
    const session = this.sessions.get(file);
    if (other === undefined || session === undefined) return;
    this.wanted.delete(file);
    session.compareWith(other);
  }
}

function channelOf(webview: vscode.Webview): Channel<FromCheckpoint, ToCheckpoint> {
  return {
    send: (message) => void webview.postMessage(message),
    listen: (listener) => {
      const listening = webview.onDidReceiveMessage((message: FromCheckpoint) => listener(message));
      return () => listening.dispose();
    },
  };
}
