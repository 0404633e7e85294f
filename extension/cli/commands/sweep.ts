import type { LauncherKind } from '../../core/launchers/launcher';
import { examples, jsonOption, launcherOption, setOption, type Cli } from '../command';
import { findConfig } from '../locate';
import { requireOneProcess } from '../ranks';
import { printJson } from '../terminal';

interface Options {
  readonly set: Record<string, string>;
  readonly runs?: string;
  readonly dryRun?: boolean;
  /** False with `--no-calibrate`. */
  readonly calibrate: boolean;
  readonly status?: boolean;
  readonly summary?: boolean;
  readonly fill?: boolean;
  readonly again?: boolean;
  readonly retry?: boolean;
  readonly launcher?: LauncherKind;
  readonly wait?: boolean;
  readonly json?: boolean;
}

export function addSweepCommand(cli: Cli): void {
  cli.program
    .command('sweep')
    .summary('train every cell of an experiment’s `sweep` section')
    .description(
      'Train the cells of an experiment with a `sweep` section, one after another, each in a run directory of its own; or hand them to the launcher of the experiment.\n\nCells that are finished are passed over, whatever their run is called; stopped and lost ones go on. A stop (Ctrl-C, `mim stop` of the run at work) ends the sweep; the same command goes on with it. At the end a table and a figure are in <runs>/.mim/sweeps/<name>/.',
    )
    .argument('<config>', 'experiment file with a `sweep` section')
    .option('--dry-run', 'show the cells, what would be done, and time and disk from a few measured steps; run nothing')
    .option('--no-calibrate', 'with --dry-run: measure nothing')
    .option('--status', 'show how far each cell is, and do nothing')
    .option('--summary', 'write and show the results there are, and do nothing else')
    .option('--fill', 'run only cells that no run trains')
    .option('--retry', 'run only the failed cells, anew')
    .option('--again', 'run every cell anew, also those that are finished')
    .addOption(launcherOption('who runs the cells, in place of the experiment’s `launcher`'))
    .option('--wait', 'of another launcher: wait until all cells are at their end')
    .addOption(setOption())
    .option('--runs <dir>', 'folder for the run directories (default: `runs` of the file)')
    .addOption(jsonOption())
    .addHelpText('after', examples('mim sweep ratios.mim.yaml --dry-run', 'mim sweep ratios.mim.yaml', 'mim sweep ratios.mim.yaml --status'))
    .action(async (config: string, given: Options) => {
      const { set, runs, ...rest } = given;
      if (rest.dryRun !== true && rest.status !== true && rest.summary !== true) requireOneProcess('sweep');
      cli.exitCode = await sweep(cli, { ...rest, configFile: findConfig(config), overrides: set, runsFolder: runs });
    });
}

type Asked = Omit<Options, 'set' | 'runs'> & { readonly configFile: string; readonly overrides: Record<string, string>; readonly runsFolder?: string };

async function sweep({ terminal }: Cli, asked: Asked): Promise<number> {
  const { plannedSweep } = await import('../sweep-plan');
  const { runSweep } = await import('../sweep');
  const { measuredEstimate, planDocument, planLines, statusDocument, statusLines } = await import('../sweep-table');
  const planned = await plannedSweep(asked);
  const json = asked.json === true;
  if (asked.status === true) {
    if (json) printJson(terminal, statusDocument(planned));
    else statusLines(planned).forEach((line) => terminal.out(line));
    return 0;
  }
  if (asked.summary === true) {
    const { tellSummary } = await import('../sweep-summary');
    await tellSummary(terminal, planned, { json });
    return 0;
  }
  if (asked.dryRun === true) {
    const estimate = asked.calibrate ? await measuredEstimate(terminal, planned, asked) : undefined;
    if (json) printJson(terminal, planDocument(planned, estimate));
    else planLines(planned, estimate).forEach((line) => terminal.out(line));
    return 0;
  }
  planLines(planned, undefined).forEach((line) => terminal.note(line));
  return runSweep(terminal, planned, asked);
}
