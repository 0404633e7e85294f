/** An experiment that starts from what another has learned. */
import path from 'node:path';
import { insertKey } from '../../core/language/edit-yaml';
import { keyPlaces, placeOf } from '../../core/language/locate-key';
import { applyEdits, type TextEdit } from '../../core/language/text-edit';

export interface BranchPoint {
  /** Absolute path of the checkpoint's weights. */
  readonly weights: string;
  readonly step: number;
  /** Where the new file will lie; absent: the path stays absolute. */
  readonly folder?: string;
}

/** @param text the experiment, as its user wrote it: all but its name and its checkpoint stays. */
export function branchOf(text: string, { weights, step, folder }: BranchPoint): string {
  const relative = folder === undefined ? weights : path.relative(folder, weights).split(path.sep).join('/');
  const named = folder === undefined || path.isAbsolute(relative) ? weights : relative.startsWith('.') ? relative : `./${relative}`;
  const checkpoint = /^[\w./~@+-]+$/.test(named) ? named : JSON.stringify(named);
  return withCheckpoint(renamed(text, step), checkpoint);
}

/** Its runs are told apart from those it comes from. Without a name it gets that of its file. */
function renamed(text: string, step: number): string {
  const name = placeOf(keyPlaces(text), 'name')?.value;
  if (name === undefined) return text;
  const written = text.slice(name.start, name.end).replace(/^(["'])(.*)\1$/, '$2');
  return applyEdits(text, [{ ...name, text: `${written}-from-${step}` }]);
}

function withCheckpoint(text: string, checkpoint: string): string {
  const before = placeOf(keyPlaces(text), 'init.checkpoint')?.value;
  const edit: TextEdit | undefined = before === undefined ? insertKey(text, ['init'], 'checkpoint', checkpoint) : { ...before, text: checkpoint };
  // There is no place in a text that has ceased to be an experiment since it was run.
  return edit === undefined ? `${text}\ninit: { checkpoint: ${checkpoint} }\n` : applyEdits(text, [edit]);
}
