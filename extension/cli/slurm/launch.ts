/** `mim sweep` with the launcher slurm: submits, says what to do next, and with `--wait` watches to the end. */
import { realpathSync } from 'node:fs';
import type { SlurmLauncher } from '../../core/launchers/slurm/options';
import { SlurmWatch, type SlurmStatus } from '../../core/launchers/slurm/status';
import { isAtWork } from '../../core/launchers/slurm/states';
import { submitCells } from '../../core/launchers/slurm/submit';
import { exitCodes } from '../exit-codes';
import type { LaunchRequest } from '../launch';
import { shortPath } from '../train';
import { printJson, type Terminal } from '../terminal';
import { statusLines, summaryLine } from './tell-status';

/** The programs that run this command, for the compute nodes. */
export function ownPrograms(): { readonly node: string; readonly mim: string } {
  return { node: process.execPath, mim: realpathSync(process.argv[1]!) };
}

export async function launchOnSlurm(terminal: Terminal, { sweep, runs, cells, retry, wait, json }: LaunchRequest, launcher: SlurmLauncher): Promise<number> {
  const submission = cells.length === 0 ? { jobs: [], cells: [], already: [] } : await submitCells({ sweepName: sweep.name, runs, launcher, retry, ...ownPrograms() }, cells);
  if (json === true && wait !== true) printJson(terminal, { launcher: 'slurm', sweep: sweep.name, runs, ...submission });
  const say = json === true ? terminal.note : terminal.out;
  const { jobs, already } = submission;
  if (jobs.length > 0) say(`Submitted job ${jobs.join(', ')}: ${submission.cells.length} of ${sweep.cells.length} cells of ${sweep.name}.`);
  if (already.length > 0) say(`${already.length} cells are in the cluster already.`);
  if (jobs.length === 0 && already.length === 0) say(`Nothing to submit: no cell of ${sweep.name} is to do.`);
  if (wait === true) return watch(terminal, new SlurmWatch(), { sweep, runs, json });
  say(`Watch it with: mim slurm status ${sweep.name} --runs ${shortPath(runs)}`);
  return exitCodes.done;
}

/** Until Slurm does nothing for any cell any more; a line at each change of the counts. @returns the exit code */
async function watch(terminal: Terminal, slurm: SlurmWatch, { sweep, runs, json }: Pick<LaunchRequest, 'sweep' | 'runs' | 'json'>): Promise<number> {
  let said = '';
  for (;;) {
    const status = await slurm.look(runs, sweep);
    const line = status.failures[0] === undefined ? summaryLine(status) : `${status.failures[0].message} Asking again in ${Math.ceil(slurm.waitMs / 1000)} s.`;
    if (line !== said) terminal.note(line);
    said = line;
    if (status.failures.length === 0 && !status.cells.some(({ state }) => isAtWork(state))) return tellEnd(terminal, status, json === true);
    await new Promise((resolve) => setTimeout(resolve, Math.max(1_000, slurm.waitMs)));
  }
}

function tellEnd(terminal: Terminal, status: SlurmStatus, json: boolean): number {
  if (json) printJson(terminal, status);
  else for (const line of statusLines(status)) terminal.out(line);
  return status.cells.every(({ state }) => state === 'done') ? exitCodes.done : exitCodes.failed;
}
