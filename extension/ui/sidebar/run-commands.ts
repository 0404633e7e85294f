/** What is done with runs in their list: marked, named, found, put in order. */
import * as vscode from 'vscode';
import type { LibraryRun } from '../../core/library/library-run';
import { chooseRuns, type RunQuestion } from '../commands/choose-run';
import { registerCommand } from '../commands/command';
import type { Node } from '../nodes';
import type { Register } from '../services';
import { FILTER_HELP } from './run-filter';
import { orders } from './run-order';
import type { RunsView } from './runs-view';
import { commonTags, retagged } from './tags';

const anyRun = { fits: () => true, none: 'There is no run yet.' };

export const registerRunsCommands = (view: RunsView): Register => ({ library, log, selection }) => {
  const onRuns = (id: string, title: string, { fits, none }: Omit<RunQuestion, 'title'>, work: (runs: LibraryRun[]) => Promise<void>) =>
    registerCommand(log, id, async (clicked?: Node, selected?: readonly Node[]) => {
      // A key is about what is selected.
      const runs = await chooseRuns(library, { title, fits, none }, clicked, clicked === undefined ? selection.runs : selected);
      if (runs.length > 0) await work(runs);
    });
  const markAll = (marks: { readonly starred: boolean }) => async (runs: LibraryRun[]) => {
    for (const { key } of runs) await library.mark(key, marks);
  };
  return vscode.Disposable.from(
    onRuns('mim.runs.star', 'Star Run', { fits: ({ marks }) => !marks.starred, none: 'There is no run without a star.' }, markAll({ starred: true })),
    onRuns('mim.runs.unstar', 'Unstar Run', { fits: ({ marks }) => marks.starred, none: 'There is no run with a star.' }, markAll({ starred: false })),
    onRuns('mim.runs.rename', 'Rename Run', anyRun, async ([run]) => {
      const name = await vscode.window.showInputBox({ title: `Rename ${run!.id}`, value: run!.name, prompt: 'Shown here and in charts; the folder keeps its name. Empty: the name of the folder.' });
      if (name !== undefined) await library.mark(run!.key, { name: name.trim() === '' || name.trim() === run!.id ? undefined : name.trim() });
    }),
    onRuns('mim.runs.tag', 'Tag Run', anyRun, async (runs) => {
      const common = commonTags(runs);
      const tags = await vscode.window.showInputBox({ title: runs.length === 1 ? `Tag ${runs[0]!.name}` : `Tag ${runs.length} runs`, value: common.join(', '), prompt: runs.length === 1 ? 'Tags, separated by commas' : 'Tags that all of them have, separated by commas; what only some have stays' });
      if (tags === undefined) return;
      const listed = [...new Set(tags.split(',').map((tag) => tag.trim()).filter((tag) => tag !== ''))];
      for (const { key, marks } of runs) await library.mark(key, { tags: retagged(marks.tags, common, listed) });
    }),
    registerCommand(log, 'mim.runs.filter', () => askFilter(view)),
    registerCommand(log, 'mim.runs.sort', async () => {
      const choices = orders.map(({ order, label, detail }) => ({ label, detail, description: order === view.order ? 'now' : '', order }));
      const chosen = await vscode.window.showQuickPick(choices, { title: 'Sort Runs' });
      if (chosen !== undefined) await view.setOrder(chosen.order);
    }),
    registerCommand(log, 'mim.runs.refresh', () => library.refresh()),
  );
};

/** The list follows while the filter is typed; Escape brings back what was shown before. */
function askFilter(view: RunsView): Promise<void> {
  const before = view.filter;
  const input = vscode.window.createInputBox();
  Object.assign(input, { title: 'Filter Runs', value: before, prompt: FILTER_HELP, placeholder: 'Empty: all runs' });
  return new Promise((resolve) => {
    let isAccepted = false;
    input.onDidChangeValue((text) => view.setFilter(text));
    input.onDidAccept(() => {
      isAccepted = true;
      input.hide();
    });
    input.onDidHide(() => {
      if (!isAccepted) view.setFilter(before);
      input.dispose();
      resolve(view.keep());
    });
    input.show();
  });
}
