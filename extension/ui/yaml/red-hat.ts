/**
 * The YAML extension of Red Hat, where it is installed. It is given our schema without anything a text could break: so
 * it completes and describes, and we alone report what is wrong, except faults of the YAML itself, which it tells anyway.
 */
import * as vscode from 'vscode';
import { editorSchema } from '../../core/language/editor-schema';

const EXTENSION = 'redhat.vscode-yaml';
const SCHEME = 'mim-lab';
const SCHEMA_URI = `${SCHEME}://schema/experiment`;

interface YamlApi {
  registerContributor(scheme: string, requestSchema: (resource: string) => string | undefined, requestSchemaContent: (uri: string) => string, label?: string): boolean;
}

export class RedHat implements vscode.Disposable {
  /** It runs, and tells faults of the YAML itself. */
  isActive = false;
  /** It has our schema. */
  describesSchema = false;
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onChange = this.changed.event;
  private registered = false;
  private readonly subscriptions: vscode.Disposable[] = [];

  constructor(private readonly log: vscode.LogOutputChannel) {
    // Installed, enabled, or removed while we run.
    this.subscriptions.push(vscode.extensions.onDidChange(() => void this.meet()));
    void this.meet();
  }

  dispose(): void {
    for (const subscription of this.subscriptions) subscription.dispose();
    this.changed.dispose();
  }

  private async meet(): Promise<void> {
    const extension = vscode.extensions.getExtension<unknown>(EXTENSION);
    let api: unknown;
    try {
      api = await extension?.activate();
    } catch (error) {
      this.log.warn(`The YAML extension does not start; MIM Lab completes and describes by itself. ${String(error)}`);
    }
    this.isActive = extension?.isActive ?? false;
    this.describesSchema = this.isActive && isYamlApi(api) && this.register(api);
    this.changed.fire();
  }

  private register(api: YamlApi): boolean {
    this.registered ||= api.registerContributor(
      SCHEME,
      (resource) => (/\.mim\.ya?ml$/i.test(vscode.Uri.parse(resource).path) ? SCHEMA_URI : undefined),
      () => JSON.stringify(editorSchema()),
      'MIM Lab experiment',
    );
    return this.registered;
  }
}

function isYamlApi(api: unknown): api is YamlApi {
  return typeof api === 'object' && api !== null && 'registerContributor' in api && typeof api.registerContributor === 'function';
}
