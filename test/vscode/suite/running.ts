import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import * as vscode from 'vscode';
import { inWorkspace, until } from './product';

export function running(): void {
  describe('a job', () => {
    const status = (run: string) => {
      const file = inWorkspace('runs', run, 'status.json').fsPath;
      return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as { state: string; step: number }) : undefined;
    };

    it('runs from a configuration to its end in a process of its own', async function () {
      this.timeout(240_000);
      await vscode.commands.executeCommand('mim.runPretraining', inWorkspace('editing.mim.yaml'));
      const last = await until('end of the run', () => (status('editing')?.state === 'finished' ? status('editing') : undefined), 200);
      assert.ok(last.step > 0);
      const metrics = readFileSync(inWorkspace('runs', 'editing', 'metrics.jsonl').fsPath, 'utf8').trim().split('\n');
      assert.equal(metrics.length, last.step);
    });

    it('waits in the queue for its turn, and is begun without anybody asking', async function () {
      this.timeout(240_000);
      await vscode.commands.executeCommand('mim.queue.focus');
      await vscode.commands.executeCommand('mim.queue.add', inWorkspace('queued.mim.yaml'));
      await until('end of the queued run', () => (status('queued')?.state === 'finished' ? true : undefined), 200);
    });

    it('is handed over where the experiment says so, under its own name', async function () {
      this.timeout(240_000);
      const text = readFileSync(inWorkspace('queued.mim.yaml').fsPath, 'utf8').replace('name: queued', 'name: handed-over');
      writeFileSync(inWorkspace('handed-over.mim.yaml').fsPath, `${text}launcher: queue\n`);
      await vscode.commands.executeCommand('mim.runPretraining', inWorkspace('handed-over.mim.yaml'));
      await until('end of the run that was handed over', () => (status('handed-over')?.state === 'finished' ? true : undefined), 200);
    });
  });
}
