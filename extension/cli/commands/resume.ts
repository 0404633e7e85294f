import { examples, jsonOption, mpiOptions, runsOption, wholeNumber, type Cli } from '../command';
import { findRun } from '../locate';
import { trainOnRanks } from '../ranks';

interface Options {
  readonly runs: string;
  readonly step?: number;
  readonly json?: boolean;
  readonly mpi?: boolean;
}

export function addResumeCommand(cli: Cli): void {
  const command = cli.program
    .command('resume')
    .summary('go on with a stopped, failed or killed run')
    .description('Go on with a run from its newest complete checkpoint.\n\nOn the same engine and thread count the result is bit for bit what the uninterrupted run would have given.')
    .argument('<run>', 'run directory, or its id within --runs')
    .option('--step <n>', 'the checkpoint of this step instead of the newest; later ones are set aside, not deleted', wholeNumber)
    .addOption(runsOption())
    .addOption(jsonOption())
    .addHelpText('after', examples('mim resume runs/quickstart', 'mim resume quickstart', 'srun --mpi=pmix mim resume quickstart'))
    .action(async (target: string, options: Options) => {
      const run = findRun(target, options.runs);
      cli.exitCode = await trainOnRanks(cli.terminal, options, async (events, signal, ranks) => {
        const { resume } = await import('../../training/pretrain');
        return resume({ run, step: options.step, events, signal, ranks });
      });
    });
  mpiOptions(command);
}
