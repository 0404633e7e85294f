/** A run in the words of `mim inspect`. */
import type { RunReport } from '../core/runs/inspect-run';
import { bytes, duration, rate, significant } from '../core/text/format';
import { evaluationTable } from './evaluation-table';
import { tableLines } from './table';
import type { Terminal } from './terminal';

export function printRun(terminal: Terminal, run: RunReport): void {
  const { status } = run;
  terminal.out(`${run.path}: ${run.method ?? 'unknown method'}, ${run.state}`);
  if (status !== undefined) {
    const lasted = (Date.parse(status.updatedAt) - Date.parse(status.startedAt)) / 1000;
    terminal.out(`  step ${status.step} of ${status.totalSteps}, epoch ${status.epoch.toFixed(1)} of ${status.totalEpochs.toFixed(1)}, loss ${typeof status.loss === 'number' ? significant(status.loss) : '–'}, ${rate(status.imagesPerSecond ?? NaN)} images/s`);
    terminal.out(`  on ${status.host}, started ${status.startedAt}, last heard of ${status.updatedAt} (${duration(lasted)} later)`);
    if (status.message !== undefined) terminal.out(`  ${status.message}`);
  }
  terminal.out('');
  const checkpoints = run.checkpoints.map(({ step, epoch, bytes: size, createdAt, path }) => [String(step), epoch.toFixed(1), bytes(size), createdAt, path]);
  for (const line of tableLines(['checkpoint', 'epoch', 'size', 'saved', 'path'], checkpoints, ['right', 'right', 'right'])) terminal.out(line);
  if (run.evaluations.length === 0) return;
  terminal.out('');
  for (const line of evaluationTable(run.evaluations)) terminal.out(line);
}
