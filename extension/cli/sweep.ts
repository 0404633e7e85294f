/** `mim sweep` at work: its cells here one after another, or handed to a launcher. */
import { resolve } from 'node:path';
import { checkFiles } from '../core/config/check-files';
import { checkText, ConfigError } from '../core/config/load';
import { UserError, type Problem } from '../core/problems';
import { launcherKind } from '../core/launchers/launcher';
import { cellsToDo } from '../core/sweeps/cells-to-do';
import { askAnew, freezeSweep } from '../core/sweeps/freeze-sweep';
import { readSweep, sweepFile, type SweepRecord } from '../core/sweeps/record';
import { sweepStatus, type CellStatus } from '../core/sweeps/status';
import { runCell } from './cell';
import { reportError } from './errors';
import { exitCodes } from './exit-codes';
import type { Sweep, SweepOptions } from './sweep-plan';
import { styled, type Terminal } from './terminal';

/** @returns the exit code */
export async function runSweep(terminal: Terminal, sweep: Sweep, options: SweepOptions): Promise<number> {
  const isHere = launcherKind(sweep.launcher) === 'here';
  if (!isHere && sweep.halving) throw new UserError('MIM7408', `Successive halving compares its cells here, and cannot be handed to ${launcherKind(sweep.launcher)}.`, 'Run it with `--launcher here`, or take `halving` out of the sweep.', exitCodes.usage);
  if (isHere) await requireFiles(sweep, options);
  const frozen = await freezeSweep(sweep, sweep.source, resolve(options.configFile));
  const toDo = cellsToDo(await sweepStatus(sweep.runs, frozen), options);
  const record = options.again === true ? await askAnew(sweep.runs, frozen, toDo) : frozen;
  if (!isHere) {
    const { launch } = await import('./launch');
    return launch(terminal, { launcher: sweep.launcher, sweep: record, runs: sweep.runs, cells: toDo, retry: options.retry, wait: options.wait, json: options.json });
  }
  const stopped = sweep.halving ? await halved(terminal, sweep, record, options) : await runCells(terminal, sweep, record, toDo, options);
  return stopped ? exitCodes.stopped : lastWords(terminal, await statusNow(sweep), sweep, options);
}

/** As it is on disk: halving writes to the record. */
async function statusNow({ runs, name }: Sweep): Promise<CellStatus[]> {
  return sweepStatus(runs, await readSweep(sweepFile(runs, name)));
}

async function halved(terminal: Terminal, sweep: Sweep, record: SweepRecord, options: SweepOptions): Promise<boolean> {
  const { runHalving } = await import('./halving');
  return runHalving(terminal, sweep, record, sweep.halving!, options);
}

/** One after another; a stop ends it, a failed cell does not. @returns whether a stop was asked for */
async function runCells(terminal: Terminal, { runs, name }: Sweep, record: SweepRecord, toDo: readonly number[], options: SweepOptions): Promise<boolean> {
  for (const [done, index] of toDo.entries()) {
    const cell = record.cells[index]!;
    if (options.json === true) terminal.out(JSON.stringify({ event: 'cell', index, name: cell.name, values: cell.values }));
    terminal.note(styled(terminal, 'bold', `cell ${done + 1} of ${toDo.length}: ${cell.name}`));
    try {
      const code = await runCell(terminal, { sweep: sweepFile(runs, name), index, retry: options.retry, json: options.json });
      if (code === exitCodes.stopped) return true;
    } catch (error) {
      await reportError(error, terminal, { json: options.json === true, debug: false });
    }
  }
  return false;
}

/** Files that the cells name are looked for before the first begins, and told where the experiment names them. @throws ConfigError */
async function requireFiles({ source, plan }: Sweep, { configFile, overrides }: SweepOptions): Promise<void> {
  const problems = new Map<string, Problem>();
  for (const { cell, action } of plan) {
    if (action === 'skip') continue;
    const { experiment, locate } = checkText(source, configFile, { ...overrides, ...cell.overrides });
    for (const problem of experiment ? await checkFiles(experiment, configFile, locate) : []) problems.set(JSON.stringify(problem), problem);
  }
  const found = [...problems.values()];
  if (found.some(({ severity }) => severity === 'error')) throw new ConfigError(found);
}

async function lastWords(terminal: Terminal, status: readonly CellStatus[], sweep: Sweep, options: SweepOptions): Promise<number> {
  const { configFile, json } = options;
  const { tellFinalSummary } = await import('./sweep-summary');
  await tellFinalSummary(terminal, options);
  const failed = status.filter(({ state }) => state === 'failed').length;
  const say = json === true ? terminal.note : terminal.out;
  say(failed === 0 ? `Sweep ${sweep.name}: ${doneText(status)}` : `Sweep ${sweep.name}: ${failed} of ${status.length} cells failed; \`mim sweep ${configFile} --retry\` runs them again.`);
  return failed === 0 ? exitCodes.done : exitCodes.failed;
}

function doneText(status: readonly CellStatus[]): string {
  const missing = status.filter(({ state }) => state === 'missing').length;
  return missing === 0 ? 'all cells are done or at work.' : `${missing} cells are missing; \`mim sweep --fill\` runs them.`;
}
