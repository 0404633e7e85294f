/** The YAML extension of Red Hat, where it is installed: it shows our documentation on hover, and we what follows and what came of it. */
import * as vscode from 'vscode';
import { editorSchema } from '../../core/language/editor-schema';
import { isExperiment } from './experiment-files';

const EXTENSION = 'redhat.vscode-yaml';
const SCHEME = 'mim-lab';
const SCHEMA_URI = `${SCHEME}://schema/experiment`;

interface YamlApi {
  /** False where the scheme is taken already. */
  registerContributor(scheme: string, requestSchema: (resource: string) => string | undefined, requestSchemaContent: (uri: string) => string): boolean;
}

export class RedHat implements vscode.Disposable {
  /** For good: it cannot be taken back, and outlives a deactivated YAML extension only with this window. */
  private registered = false;
  private readonly subscriptions: vscode.Disposable[];

  constructor(private readonly log: vscode.LogOutputChannel) {
    this.subscriptions = [
      // It is not started for anything but an experiment that is open.
      vscode.workspace.onDidOpenTextDocument((document) => isExperiment(document) && void this.meet()),
      // Installed or enabled while we run.
      vscode.extensions.onDidChange(() => void this.meet()),
    ];
    void this.meet();
  }

  /** Whether it shows the documentation of this document's keys: then we do not show it too. */
  describes(document: vscode.TextDocument): boolean {
    if (!this.registered || document.languageId !== 'yaml' || !vscode.extensions.getExtension(EXTENSION)?.isActive) return false;
    return vscode.workspace.getConfiguration('yaml', document).get<boolean>('hover', true);
  }

  dispose(): void {
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  private async meet(): Promise<void> {
    if (this.registered || !vscode.workspace.textDocuments.some(isExperiment)) return;
    try {
      const api = await vscode.extensions.getExtension<unknown>(EXTENSION)?.activate();
      this.registered ||= isYamlApi(api) && api.registerContributor(SCHEME, (resource) => (isExperimentUri(resource) ? SCHEMA_URI : undefined), () => JSON.stringify(editorSchema()));
    } catch (error) {
      this.log.warn(`The YAML extension does not start; MIM Lab describes experiments by itself. ${String(error)}`);
    }
  }
}

function isExperimentUri(resource: string): boolean {
  return /\.mim\.ya?ml$/i.test(vscode.Uri.parse(resource).path);
}

function isYamlApi(api: unknown): api is YamlApi {
  return typeof api === 'object' && api !== null && 'registerContributor' in api && typeof api.registerContributor === 'function';
}
