/** Rows as a tree of VS Code. */
import * as vscode from 'vscode';
import { KEEP_FOCUS, type Node } from '../nodes';
import { rowId, type Row } from './row';
import { Rows } from './rows';

/** What is told of a row once the pointer rests on it, as Markdown. */
export type Tooltip = (node: Node) => string | undefined;

export class RowTree implements vscode.TreeDataProvider<Node>, vscode.Disposable {
  private readonly rows = new Rows();
  private readonly changed = new vscode.EventEmitter<Node[] | undefined>();
  readonly onDidChangeTreeData = this.changed.event;

  /** @param ready resolves when there is something to show: until then the view shows that it is loading, not that it is empty. */
  constructor(
    private readonly ready: () => Promise<void>,
    private readonly tooltip: Tooltip,
  ) {}

  show(rows: readonly Row[]): void {
    const change = this.rows.replace(rows);
    if (change === 'everything') this.changed.fire(undefined);
    else if (change.length > 0) this.changed.fire([...change]);
  }

  async getChildren(node?: Node): Promise<Node[]> {
    if (node === undefined) await this.ready();
    return this.rows.children(node);
  }

  getTreeItem(node: Node): vscode.TreeItem {
    const row = this.rows.row(node);
    // Taken away between the list and the item; the view hears of it next.
    if (row === undefined) return new vscode.TreeItem('');
    const { face, children } = row;
    const item = new vscode.TreeItem(face.label, children.length === 0 ? none : this.rows.startsOpen(node) ? expanded : collapsed);
    item.id = rowId(node);
    item.description = face.description;
    item.contextValue = face.contextValue;
    item.iconPath = new vscode.ThemeIcon(face.icon, face.color === undefined ? undefined : new vscode.ThemeColor(face.color));
    item.accessibilityInformation = { label: face.spoken };
    if (face.command !== undefined) item.command = { command: face.command, title: 'Open', arguments: [node, undefined, KEEP_FOCUS] };
    return item;
  }

  resolveTreeItem(item: vscode.TreeItem, node: Node): vscode.TreeItem {
    const text = this.tooltip(node);
    if (text !== undefined) item.tooltip = new vscode.MarkdownString(text, true);
    return item;
  }

  dispose(): void {
    this.changed.dispose();
  }
}

const { None: none, Collapsed: collapsed, Expanded: expanded } = vscode.TreeItemCollapsibleState;
