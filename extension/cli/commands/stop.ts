import { examples, jsonOption, runsOption, type Cli } from '../command';
import { findRun } from '../locate';
import { printJson } from '../terminal';
import { shortPath } from '../train';

interface Options {
  readonly runs: string;
  readonly json?: boolean;
}

export function addStopCommand(cli: Cli): void {
  cli.program
    .command('stop')
    .summary('ask a running training to save a checkpoint and end')
    .description('Ask a running training to save a checkpoint and end. It works from any machine that sees the run directory; the trainer looks between steps.')
    .argument('<run>', 'run directory, or its id within --runs')
    .addOption(runsOption())
    .addOption(jsonOption())
    .addHelpText('after', examples('mim stop quickstart'))
    .action(async (target: string, options: Options) => {
      const path = findRun(target, options.runs);
      const { RunDirectory } = await import('../../core/runs/run-directory');
      const run = await RunDirectory.open(path);
      const state = await run.state();
      const lives = state === 'running' || state === 'paused';
      if (lives) await run.requestStop();
      if (options.json === true) {
        printJson(cli.terminal, { run: path, state, requested: lives });
        return;
      }
      cli.terminal.out(
        lives ? `Asked ${target} to stop. It saves a checkpoint first; go on with: mim resume ${shortPath(path)}` : `${target} is ${state}: nothing to stop.`,
      );
    });
}
