/** What a grid shows, apart from how it shows it. */

export interface GridColumn {
  readonly label: string;
  readonly isNumber?: boolean;
}

export interface GridRow {
  /** Names the row among all; kept while rows come and go. */
  readonly key: string;
  readonly cells: readonly string[];
  /** Drawn as a warning, and said to be one. */
  readonly warning?: string;
  /** Of tree grids. */
  readonly tree?: { readonly level: number; readonly position: number; readonly size: number; readonly isExpanded?: boolean };
}
