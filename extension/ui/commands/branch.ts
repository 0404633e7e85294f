/** An experiment that starts from what another has learned. */
import path from 'node:path';
import { isMap, parseDocument } from 'yaml';

/**
 * @param text the experiment, as its user wrote it: comments and order stay.
 * @param weights absolute path of the checkpoint's weights.
 * @param folder where the new file will lie; absent: the path stays absolute.
 */
export function branchOf(text: string, weights: string, folder?: string): string {
  const document = parseDocument(text);
  const relative = folder === undefined ? weights : path.relative(folder, weights).split(path.sep).join('/');
  const named = folder === undefined || path.isAbsolute(relative) ? weights : relative.startsWith('.') ? relative : `./${relative}`;
  if (isMap(document.contents)) document.setIn(['init', 'checkpoint'], named);
  return document.toString({ lineWidth: 0 });
}
