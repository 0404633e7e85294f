import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { activeManifest } from './product';

export function activation(): void {
  describe('activation', () => {
    it('registers every command the manifest declares, and declares every one it registers', async () => {
      const declared = (await activeManifest()).contributes.commands.map(({ command }) => command).sort();
      // VS Code itself registers commands for the views and for the container.
      const own = (await vscode.commands.getCommands(true)).filter((command) => command.startsWith('mim.') && !/\.(open|focus|resetViewLocation|removeView|toggleVisibility)$/.test(command));
      assert.deepEqual(own.sort(), declared);
    });

    it('can show each of its views', async () => {
      const views = Object.values((await activeManifest()).contributes.views).flat();
      assert.ok(views.length >= 3);
      for (const { id } of views) await vscode.commands.executeCommand(`${id}.focus`);
    });
  });
}
