import { examples, jsonOption, runsOption, type Cli } from '../command';
import { findRun } from '../locate';
import { printJson } from '../terminal';

interface Options {
  readonly runs: string;
  readonly json?: boolean;
}

export function addPauseCommand(cli: Cli): void {
  cli.program
    .command('pause')
    .summary('ask a running training to save a checkpoint and wait')
    .description('Ask a running training to save a checkpoint and wait, without computing, until `mim continue` or `mim stop`. The numbers are those of a run that never paused.')
    .argument('<run>', 'run directory, or its id within --runs')
    .addOption(runsOption())
    .addOption(jsonOption())
    .addHelpText('after', examples('mim pause quickstart', 'mim continue quickstart'))
    .action((target: string, options: Options) => ask(cli, target, options, 'running'));
}

export function addContinueCommand(cli: Cli): void {
  cli.program
    .command('continue')
    .summary('let a paused training go on')
    .description('Let a training that was paused with `mim pause` go on. A run that was stopped goes on with `mim resume`.')
    .argument('<run>', 'run directory, or its id within --runs')
    .addOption(runsOption())
    .addOption(jsonOption())
    .addHelpText('after', examples('mim continue quickstart'))
    .action((target: string, options: Options) => ask(cli, target, options, 'paused'));
}

/** @param from the state in which there is something to ask */
async function ask(cli: Cli, target: string, options: Options, from: 'running' | 'paused'): Promise<void> {
  const path = findRun(target, options.runs);
  const { RunDirectory } = await import('../../core/runs/run-directory');
  const run = await RunDirectory.open(path);
  const state = await run.state();
  // A pause that was asked for and not yet begun can be taken back.
  const requested = state === from || (from === 'paused' && (await run.pauseRequested()));
  if (requested) await (from === 'running' ? run.requestPause() : run.withdrawPause());
  if (options.json === true) {
    printJson(cli.terminal, { run: path, state, requested });
    return;
  }
  const done = from === 'running' ? `Asked ${target} to pause after a checkpoint; go on with: mim continue ${target}` : `${target} goes on.`;
  const nothing = from === 'running' ? `${target} is ${state}: nothing to pause.` : `${target} is ${state}, not paused.${state === 'running' ? '' : ` Go on with: mim resume ${target}`}`;
  cli.terminal.out(requested ? done : nothing);
}
