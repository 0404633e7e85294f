import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { Option, type Command } from 'commander';
import { examples, jsonOption, launcherOption, mpiOptions, runName, setOption, type Cli } from '../command';
import type { LauncherKind } from '../../core/launchers/launcher';
import { findConfig } from '../locate';
import { trainOnRanks } from '../ranks';
import type { CellOrigin } from '../../training/pretrain';

export interface NewRunOptions {
  readonly set: Record<string, string>;
  readonly name?: string;
  readonly runs?: string;
  readonly note?: string;
  readonly experiment?: string;
  readonly launcher?: LauncherKind;
  readonly wait?: boolean;
  readonly json?: boolean;
  readonly mpi?: boolean;
}

export function addPretrainCommand(cli: Cli): void {
  const command = cli.program
    .command('pretrain')
    .summary('train the experiment of a file in a new run directory')
    .description('Train the experiment of a *.mim.yaml file in a new run directory.\n\nThe derived values (actual learning rate, keep count, steps, cost per image) are printed before the first step.')
    .argument('<config>', 'experiment file')
    .action((config: string, options: NewRunOptions) => trainNewRun(cli, findConfig(config), options));
  withNewRunOptions(command).addHelpText(
    'after',
    examples(
      'mim pretrain examples/quickstart.mim.yaml',
      'mim pretrain my.mim.yaml --launcher queue',
      'mim pretrain my.mim.yaml --set masking.ratio=0.5 --set seed=1 --name ratio-50',
      `mim pretrain my.mim.yaml --json | jq -c 'select(.event == "evaluation")'`,
    ),
  );
}

/** The options of every command that makes a run directory. */
export function withNewRunOptions(command: Command): Command {
  return mpiOptions(command)
    .addOption(setOption())
    .option('--name <name>', 'name of the run (default: the name in the file, or the name of the file)', runName)
    .option('--runs <dir>', 'folder for the run directory (default: `runs` of the file)')
    .option('--note <text>', 'a remark for the log of the run, such as why it is trained so')
    .addOption(launcherOption('who trains it, in place of the experiment’s `launcher`'))
    .option('--wait', 'of another launcher: wait until the run is at its end')
    .addOption(new Option('--experiment <file>', 'from which CONFIG was frozen, with its text in source.yaml beside CONFIG: what a queue calls').hideHelp())
    .addOption(jsonOption());
}

export async function trainNewRun(cli: Cli, configFile: string, options: NewRunOptions): Promise<void> {
  const { chosenLauncher, handOver } = await import('../hand-over');
  const launcher = await chosenLauncher(configFile, options);
  if (launcher !== 'here') {
    cli.exitCode = await handOver(cli.terminal, configFile, options, launcher);
    return;
  }
  cli.exitCode = await trainOnRanks(cli.terminal, options, async (events, signal, ranks) => {
    const { pretrain } = await import('../../training/pretrain');
    return pretrain({ configFile, overrides: options.set, name: options.name, runsFolder: options.runs, note: options.note, cell: await frozenFrom(configFile, options.experiment), events, signal, ranks });
  });
}

/** So that the run tells of the experiment as it was written, and not of its frozen copy. */
async function frozenFrom(configFile: string, experiment: string | undefined): Promise<CellOrigin | undefined> {
  if (experiment === undefined) return undefined;
  return { experimentFile: resolve(experiment), source: await readFile(join(dirname(configFile), 'source.yaml'), 'utf8') };
}
