/** The rows of one tree over time: each keeps its node, and a new version tells which rows it changed. */
import { isDeepStrictEqual } from 'node:util';
import type { Node } from '../nodes';
import { rowId, type Row } from './row';

/** `everything`: rows came, went or moved at the top. Otherwise the nodes to draw again, each with what lies below it. */
export type Change = 'everything' | readonly Node[];

export class Rows {
  private roots: readonly Row[] = [];
  private byId = new Map<string, Row>();
  private readonly nodes = new Map<string, Node>();
  private readonly opened = new Map<string, boolean>();

  replace(rows: readonly Row[]): Change {
    const before = this.roots;
    this.roots = rows;
    this.byId = new Map(flatten(rows).map((row) => [rowId(row.node), row]));
    for (const [id, { node, open }] of this.byId) {
      if (!this.nodes.has(id)) this.nodes.set(id, node);
      if (!this.opened.has(id)) this.opened.set(id, open === true);
    }
    for (const id of this.nodes.keys()) {
      if (this.byId.has(id)) continue;
      this.nodes.delete(id);
      this.opened.delete(id);
    }
    if (!sameIds(before, rows)) return 'everything';
    return changedIn(before, rows).map((id) => this.nodes.get(id)!);
  }

  /** Of a node, or at the top. VS Code knows rows by their node objects: a row has one and the same as long as it exists. */
  children(node?: Node): Node[] {
    const rows = node === undefined ? this.roots : (this.row(node)?.children ?? []);
    return rows.map((row) => this.nodes.get(rowId(row.node))!);
  }

  /** Undefined for a node that is gone. */
  row(node: Node): Row | undefined {
    return this.byId.get(rowId(node));
  }

  /** Whether the row was to be open when it came. */
  startsOpen(node: Node): boolean {
    return this.opened.get(rowId(node)) === true;
  }
}

function flatten(rows: readonly Row[]): Row[] {
  return rows.flatMap((row) => [row, ...flatten(row.children)]);
}

function sameIds(before: readonly Row[], after: readonly Row[]): boolean {
  return before.length === after.length && before.every((row, index) => rowId(row.node) === rowId(after[index]!.node));
}

/** Ids of the topmost rows that differ; both lists hold the same rows in the same order. */
function changedIn(before: readonly Row[], after: readonly Row[]): string[] {
  return after.flatMap((row, index) => {
    const old = before[index]!;
    const same = isDeepStrictEqual(old.face, row.face) && sameIds(old.children, row.children);
    return same ? changedIn(old.children, row.children) : [rowId(row.node)];
  });
}
