/** Changes to a text, by offsets in UTF-16 units. */

export interface OffsetRange {
  readonly start: number;
  readonly end: number;
}

export interface TextEdit extends OffsetRange {
  readonly text: string;
}

/** @param edits do not overlap; offsets are those of `text` before any of them */
export function applyEdits(text: string, edits: readonly TextEdit[]): string {
  let result = text;
  for (const edit of [...edits].sort((a, b) => b.start - a.start)) {
    result = result.slice(0, edit.start) + edit.text + result.slice(edit.end);
  }
  return result;
}

export function lineStartAt(text: string, offset: number): number {
  return text.lastIndexOf('\n', offset - 1) + 1;
}

/** The end of the line without its line break. */
export function lineEndAt(text: string, offset: number): number {
  const end = text.indexOf('\n', offset);
  if (end === -1) return text.length;
  return text[end - 1] === '\r' && end > offset ? end - 1 : end;
}
