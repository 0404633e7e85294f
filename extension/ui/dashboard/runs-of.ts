/** The runs that a menu on a selection is about. */
import type { LibraryRun } from '../../core/library/library-run';
import type { RunKey } from '../../core/protocol/dashboard';
import type { Node } from '../nodes';

/** @returns each once; those of a sweep for a sweep, nothing where a command was called without a target. */
export function runsOf(clicked: Node | undefined, selected: readonly Node[] | undefined, runs: readonly LibraryRun[]): RunKey[] {
  const nodes = selected !== undefined && selected.length > 0 ? selected : clicked === undefined ? [] : [clicked];
  const keys = nodes.flatMap((node) => {
    if (node.kind === 'sweep') return runs.filter(({ sweep }) => sweep === node.sweep).map(({ key }) => key);
    return node.kind === 'run' || node.kind === 'checkpoint' ? [node.run] : [];
  });
  return [...new Set(keys)];
}
