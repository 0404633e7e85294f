/** What is wrong, where, and what would be right: the one form in which the product speaks of a user's mistake. */

export type Severity = 'error' | 'warning';

export interface SourcePosition {
  /** 1-based. */
  readonly line: number;
  /** 1-based, in UTF-16 units. */
  readonly column: number;
  /** Offset in the text, 0-based. */
  readonly offset: number;
}

export interface SourceRange {
  readonly start: SourcePosition;
  readonly end: SourcePosition;
}

export interface Problem {
  /** Stable, searchable: `MIM1003`. */
  readonly code: string;
  readonly severity: Severity;
  readonly message: string;
  /** What would be right, as a sentence. */
  readonly hint?: string;
  /** Dotted key, `masking.ratio`. */
  readonly key?: string;
  readonly file?: string;
  readonly range?: SourceRange;
  /** The line on which `range` starts, as it stands in the file. */
  readonly sourceLine?: string;
  /** A text that, put in place of `range`, mends it (a quick fix). */
  readonly replacement?: string;
}

/**
 * An error whose message is meant for the user: it says what happened, where, and what to do.
 * The command line prints it without a stack trace and exits with `exitCode`.
 */
export class UserError extends Error {
  override readonly name = 'UserError';
  constructor(
    readonly code: string,
    message: string,
    readonly hint?: string,
    readonly exitCode = 1,
  ) {
    super(message);
  }
}

/** What happened and what to do, as sentences of one line. */
export function sentences({ message, hint }: { readonly message: string; readonly hint?: string | undefined }): string {
  if (hint === undefined || hint === '') return message;
  return `${/[.!?]$/.test(message) ? message : `${message}.`} ${hint}`;
}
