import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { inWorkspace, until } from './product';

export function editing(): void {
  describe('an experiment in the editor', () => {
    let document: vscode.TextDocument;
    before(async () => {
      document = await vscode.workspace.openTextDocument(inWorkspace('editing.mim.yaml'));
      await vscode.window.showTextDocument(document);
    });

    const at = (text: string, plus = 0) => document.positionAt(document.getText().indexOf(text) + plus);
    const diagnostics = () => vscode.languages.getDiagnostics(document.uri);

    it('has no problem while it is right', async () => {
      await vscode.commands.executeCommand('vscode.executeCodeLensProvider', document.uri);
      assert.deepEqual(diagnostics().map(({ message }) => message), []);
    });

    it('is described where the pointer rests', async () => {
      const hovers = await vscode.commands.executeCommand<vscode.Hover[]>('vscode.executeHoverProvider', document.uri, at('ratio', 1));
      const text = hovers.flatMap(({ contents }) => contents).map((part) => (typeof part === 'string' ? part : part.value)).join('\n');
      assert.match(text, /mask|patch/i);
    });

    it('is completed with the keys of the schema', async () => {
      const list = await vscode.commands.executeCommand<vscode.CompletionList>('vscode.executeCompletionItemProvider', document.uri, at('strategy', 0));
      // VS Code itself offers the words of the text, as plain text.
      const labels = list.items.filter(({ kind }) => kind !== vscode.CompletionItemKind.Text).map(({ label }) => (typeof label === 'string' ? label : label.label));
      assert.ok(labels.some((label) => label.startsWith('strategy') || label.startsWith('ratio')), labels.slice(0, 20).join(', '));
    });

    it('offers Run and Preview above itself', async () => {
      const titles = await until('lens', async () => {
        const lenses = await vscode.commands.executeCommand<vscode.CodeLens[]>('vscode.executeCodeLensProvider', document.uri, 20);
        const found = lenses.map(({ command }) => command?.title ?? '');
        return found.some((title) => /Run/.test(title)) ? found : undefined;
      });
      assert.ok(titles.some((title) => /Preview masks/i.test(title)), titles.join(', '));
    });

    it('shows a mistake at its place while it is typed, and mends it', async () => {
      const edit = new vscode.WorkspaceEdit();
      edit.insert(document.uri, at('ratio: 0.7'), 'raito: 0.5\n  ');
      await vscode.workspace.applyEdit(edit);
      const problem = await until('problem', () => diagnostics().find(({ range }) => document.getText(range).includes('raito')));
      assert.equal(problem.severity, vscode.DiagnosticSeverity.Error);
      assert.match(String(typeof problem.code === 'object' ? problem.code.value : problem.code), /^MIM\d{4}$/);
      const fixes = await vscode.commands.executeCommand<vscode.CodeAction[]>('vscode.executeCodeActionProvider', document.uri, problem.range);
      assert.ok(fixes.some(({ edit: change }) => change !== undefined), fixes.map(({ title }) => title).join(', '));
      await vscode.commands.executeCommand('undo');
      await until('end of the problem', () => diagnostics().length === 0 || undefined);
    });

    it('tells where YAML itself is broken', async () => {
      const broken = await vscode.workspace.openTextDocument(inWorkspace('broken.mim.yaml'));
      await vscode.window.showTextDocument(broken);
      const problems = await until('problem', () => (vscode.languages.getDiagnostics(broken.uri).length > 0 ? vscode.languages.getDiagnostics(broken.uri) : undefined));
      assert.ok(problems.every(({ message }) => !/\bat .*\.(ts|cjs|mjs):\d/.test(message)));
    });
  });
}
