/** A row of a tree before it is VS Code's: what it stands for, how it looks, what lies below. */
import type { Node } from '../nodes';

/** All that is drawn of a row. Two equal faces look the same. */
export interface Face {
  readonly label: string;
  readonly description: string;
  /** Read out instead of label and description. */
  readonly spoken: string;
  /** Name of a codicon. */
  readonly icon: string;
  /** Theme colour of the icon. */
  readonly color?: string;
  readonly contextValue: string;
  /** What a click does with the row; none where absent. */
  readonly command?: string;
}

export interface Row {
  readonly node: Node;
  readonly face: Face;
  readonly children: readonly Row[];
  /** Whether it is open when first shown; afterwards it is as the user left it. */
  readonly open?: boolean;
}

/** The same for the same thing in every version of a tree, and different for all others. */
export function rowId(node: Node): string {
  switch (node.kind) {
    case 'sweep':
      return `sweep:${node.sweep}`;
    case 'run':
      return `run:${node.run}`;
    case 'checkpoint':
      return `checkpoint:${node.path}`;
    case 'engine':
      return `engine:${node.engine}`;
    case 'queued':
      return `queued:${node.id}`;
    case 'rest':
      return 'rest';
  }
}

export function leaf(node: Node, face: Face): Row {
  return { node, face, children: [] };
}
