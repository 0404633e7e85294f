import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { inWorkspace, until } from './product';

const checkpoint = ['runs', 'student', 'checkpoints', 'step-000016', 'model.safetensors'];

export function looking(): void {
  describe('a finished run', () => {
    const tab = (viewType: string) =>
      vscode.window.tabGroups.all.flatMap(({ tabs }) => tabs).find(({ input }) => (input instanceof vscode.TabInputCustom || input instanceof vscode.TabInputWebview) && input.viewType.endsWith(viewType));

    it('has checkpoints that open in an editor of their own', async () => {
      await vscode.commands.executeCommand('vscode.open', inWorkspace(...checkpoint));
      const opened = await until('checkpoint editor', () => tab('mim.checkpoint'));
      assert.equal(opened.isDirty, false);
    });

    it('opens that editor also on a file that is no checkpoint', async () => {
      await vscode.commands.executeCommand('vscode.open', inWorkspace('not-one.safetensors'));
      await until('editor', () => vscode.window.tabGroups.activeTabGroup.activeTab?.label === 'not-one.safetensors' || undefined);
    });

    it('opens in the dashboard', async () => {
      await vscode.commands.executeCommand('mim.openDashboard');
      await until('dashboard', () => tab('mim.dashboard'));
    });
  });
}
