import { Argument } from 'commander';
import type { Request } from '../../core/launchers/slurm/control';
import { examples, jsonOption, runsOption, setOption, wholeNumber, type Cli } from '../command';
import { findConfig } from '../locate';

interface Place {
  readonly runs: string;
  readonly json?: boolean;
}

export function addSlurmCommand(cli: Cli): void {
  const slurm = cli.program.command('slurm').summary('the cells of sweeps that were handed to Slurm').description('Look after the cells of sweeps that `mim sweep` handed to Slurm (`launcher: slurm`).');

  slurm
    .command('status')
    .summary('what became of each cell')
    .description('What became of each cell: what Slurm says of its task, and what the run directory says. Slurm is asked once for all jobs of a cluster.')
    .argument('[sweep]', 'name of the sweep; default: all that were handed to Slurm')
    .addOption(runsOption())
    .addOption(jsonOption())
    .addHelpText('after', examples('mim slurm status', 'mim slurm status ratios --json'))
    .action(async (sweep: string | undefined, { runs, json }: Place) => {
      const { tellStatus } = await import('../slurm/tend');
      cli.exitCode = await tellStatus(cli.terminal, runs, sweep, json === true);
    });

  for (const [what, summary, description] of requests) {
    slurm
      .command(what)
      .summary(summary)
      .description(description)
      .argument('<sweep>', 'name of the sweep')
      .addArgument(new Argument('[cells...]', 'indexes of cells; default: all that it can be asked of').argParser(collectIndex))
      .addOption(runsOption())
      .addOption(jsonOption())
      .addHelpText('after', examples(`mim slurm ${what} ratios`, `mim slurm ${what} ratios 3 4`))
      .action(async (sweep: string, cells: readonly number[] | undefined, { runs, json }: Place) => {
        const { ask } = await import('../slurm/tend');
        await ask(cli.terminal, what, runs, sweep, cells ?? [], json === true);
      });
  }

  slurm
    .command('log')
    .summary('what a cell said')
    .description('What a cell said in its newest task, over all its starts. Read from the file, or on the login node where the file is not seen here.')
    .argument('<sweep>', 'name of the sweep')
    .argument('<cell>', 'index of the cell', wholeNumber)
    .option('-f, --follow', 'go on until the cell is at its end')
    .addOption(runsOption())
    .addHelpText('after', examples('mim slurm log ratios 3 --follow'))
    .action(async (sweep: string, cell: number, { runs, follow }: Place & { readonly follow?: boolean }) => {
      const { tellLog } = await import('../slurm/tend');
      await tellLog(cli.terminal, runs, sweep, cell, follow === true);
    });

  slurm
    .command('script')
    .summary('print the job script, and submit nothing')
    .description('Print the job script of a sweep as `mim sweep` would submit it. Nothing is written and Slurm is not asked.')
    .argument('<config>', 'experiment file')
    .addOption(setOption())
    .option('--runs <dir>', 'folder for the run directories (default: `runs` of the file)')
    .addHelpText('after', examples('mim slurm script ratios.mim.yaml'))
    .action(async (config: string, { set, runs }: { readonly set: Record<string, string>; readonly runs?: string }) => {
      const { tellScript } = await import('../slurm/tell-script');
      await tellScript(cli.terminal, { configFile: findConfig(config), overrides: set, runsFolder: runs });
    });
}

const requests: readonly (readonly [what: Request, summary: string, description: string])[] = [
  ['cancel', 'end cells; a running one saves a checkpoint first', 'End cells. A running one gets a signal and saves a checkpoint, within the time the site gives it (KillWait); `mim sweep` goes on with it later.'],
  ['hold', 'keep waiting cells from starting', 'Keep waiting cells from starting until `mim slurm release`.'],
  ['release', 'let held cells start', 'Let held cells start.'],
  ['requeue', 'let running cells save a checkpoint and wait anew', 'Let running cells save a checkpoint, give their node back and wait in the queue anew.'],
];

function collectIndex(text: string, before: readonly number[] | undefined): readonly number[] {
  return [...(before ?? []), wholeNumber(text)];
}
