import { examples, jsonOption, setOption, type Cli } from '../command';
import { findConfig } from '../locate';
import { requireOneProcess } from '../ranks';
import { printJson } from '../terminal';

interface Options {
  readonly set: Record<string, string>;
  readonly runs?: string;
  readonly dryRun?: boolean;
  readonly again?: boolean;
  readonly retry?: boolean;
  readonly json?: boolean;
}

export function addSweepCommand(cli: Cli): void {
  cli.program
    .command('sweep')
    .summary('train every cell of an experiment’s `sweep` section')
    .description(
      'Train the cells of an experiment with a `sweep` section, one after another, each in a run directory of its own.\n\nCells that are finished are passed over, whatever their run is called; stopped and lost ones go on. A stop (Ctrl-C, `mim stop` of the run at work) ends the sweep; the same command goes on with it.',
    )
    .argument('<config>', 'experiment file with a `sweep` section')
    .option('--dry-run', 'show the cells and what would be done, and do nothing')
    .option('--again', 'run every cell anew, also those that are finished')
    .option('--retry', 'run the failed cells anew')
    .addOption(setOption())
    .option('--runs <dir>', 'folder for the run directories (default: `runs` of the file)')
    .addOption(jsonOption())
    .addHelpText('after', examples('mim sweep ratios.mim.yaml --dry-run', 'mim sweep ratios.mim.yaml'))
    .action(async (config: string, { set, runs, dryRun, again, retry, json }: Options) => {
      if (dryRun !== true) requireOneProcess('sweep');
      const { plannedSweep, runSweep, sweepDocument, sweepLines } = await import('../sweep');
      const options = { configFile: findConfig(config), overrides: set, runsFolder: runs, again, retry, json };
      const sweep = await plannedSweep(options);
      if (dryRun === true && json === true) {
        printJson(cli.terminal, sweepDocument(sweep));
        return;
      }
      for (const line of sweepLines(sweep)) (dryRun === true ? cli.terminal.out : cli.terminal.note)(line);
      if (dryRun !== true) cli.exitCode = await runSweep(cli.terminal, sweep, options);
    });
}
