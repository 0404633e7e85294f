/** Which runs a command is about: those it was called on, or those the user picks. */
import * as vscode from 'vscode';
import { percent } from '../../core/text/format';
import { bestProbe } from '../../core/runs/run-report';
import { UserError } from '../../core/problems';
import type { RunLibrary } from '../../core/library/library';
import type { LibraryRun } from '../../core/library/library-run';
import { runsOf } from '../dashboard/runs-of';
import type { Node } from '../nodes';

export interface RunQuestion {
  readonly title: string;
  readonly fits: (run: LibraryRun) => boolean;
  /** Said where none fits. */
  readonly none: string;
  /** `take`: not asked where just one fits; for what is easily undone. */
  readonly onlyOne?: 'take';
}

/** @throws UserError MIM9503 where no run fits. @returns nothing where the user declines. */
export async function chooseRuns(library: RunLibrary, { title, fits, none, onlyOne }: RunQuestion, clicked?: Node, selected?: readonly Node[]): Promise<LibraryRun[]> {
  const given = runsOf(clicked, selected, library.runs).flatMap((key) => library.get(key) ?? []);
  if (given.length > 0) {
    const fitting = given.filter(fits);
    if (fitting.length === 0) throw new UserError('MIM9503', none);
    return fitting;
  }
  const fitting = library.runs.filter(fits);
  if (fitting.length === 0) throw new UserError('MIM9503', none);
  if (fitting.length === 1 && onlyOne === 'take') return fitting;
  const chosen = await vscode.window.showQuickPick(fitting.map(choiceOf), { title, matchOnDescription: true });
  return chosen === undefined ? [] : [chosen.run];
}

function choiceOf(run: LibraryRun) {
  const best = bestProbe(run.evaluations);
  const progress = run.status === undefined || run.status.totalSteps === 0 ? '' : `step ${run.status.step} of ${run.status.totalSteps}`;
  return { label: run.name, description: [run.state, progress, best && `${best.protocol} ${percent(best.top1)}`].filter(Boolean).join(', '), run };
}
