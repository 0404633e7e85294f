/** `mim pretrain` where the experiment names another launcher than this process: a sweep of one cell. */
import { resolve } from 'node:path';
import { checkText, ConfigError, readSource } from '../core/config/load';
import { experimentIdentity, type ExpandedSweep } from '../core/config/sweep';
import type { LauncherConfig } from '../core/config/schema';
import { launcherKind } from '../core/launchers/launcher';
import { UserError } from '../core/problems';
import { askAnew, freezeSingle } from '../core/sweeps/freeze-sweep';
import { cellStatus } from '../core/sweeps/status';
import type { SweepRecord } from '../core/sweeps/record';
import { launchOf } from '../training/distributed/launcher';
import type { NewRunOptions } from './commands/pretrain';
import { exitCodes } from './exit-codes';
import { launch } from './launch';
import type { Terminal } from './terminal';

/** Ranks that were started together are where they are to train, as is a job that a queue started. */
export async function chosenLauncher(configFile: string, { set, launcher, mpi, experiment }: NewRunOptions): Promise<LauncherConfig> {
  if (mpi === true || experiment !== undefined || (launchOf(process.env)?.size ?? 1) > 1) return 'here';
  const { experiment: found } = checkText(await readSource(configFile), configFile, set);
  // That an experiment is wrong, or is many, is told by whoever trains here.
  if (found === undefined || found.sweep !== undefined) return 'here';
  const written = found.launcher;
  return launcher === undefined || launcher === launcherKind(written) ? written : launcher;
}

/**
 * Always a new run, as `mim pretrain` makes one here.
 *
 * @returns the exit code
 * @throws ConfigError; UserError MIM7411 where the same experiment is being trained, or what the launcher refuses with
 */
export async function handOver(terminal: Terminal, configFile: string, options: NewRunOptions, launcher: LauncherConfig): Promise<number> {
  const source = await readSource(configFile);
  const run = singleRun(source, configFile, options, launcher);
  const frozen = await freezeSingle(run, source, resolve(configFile), options.note);
  const index = frozen.cells.findIndex(({ identity }) => identity === run.cells[0]!.identity);
  const sweep = await forNewRun(run.runs, frozen, index);
  return launch(terminal, { launcher, sweep, runs: run.runs, cells: [index], retry: true, wait: options.wait, json: options.json });
}

function singleRun(source: string, configFile: string, { set, name: asked, runs: folder }: NewRunOptions, launcher: LauncherConfig): ExpandedSweep {
  const { resolved, problems } = checkText(source, configFile, set);
  if (resolved === undefined || problems.some(({ severity }) => severity === 'error')) throw new ConfigError(problems);
  const name = asked ?? resolved.name;
  const runs = folder === undefined ? resolved.runs : resolve(folder);
  return { name, runs, launcher, cells: [{ name, values: {}, overrides: set, resolved, identity: experimentIdentity(resolved) }], duplicates: [], excluded: 0 };
}

/** Runs that ended do not count for the new one. */
async function forNewRun(runs: string, record: SweepRecord, index: number): Promise<SweepRecord> {
  const { state, run } = await cellStatus(runs, record.cells[index]!, index);
  if (state === 'missing') return record;
  if (state !== 'running' && state !== 'paused') return askAnew(runs, record, [index]);
  throw new UserError('MIM7411', `${run!.path} trains this experiment, and is ${state}.`, 'Wait for it, or stop it with `mim stop`; `--set seed=1` would make another run.', exitCodes.busy);
}
