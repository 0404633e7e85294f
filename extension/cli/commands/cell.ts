import { resolve } from 'node:path';
import { examples, jsonOption, positiveNumber, wholeNumber, type Cli } from '../command';

interface Options {
  readonly retry?: boolean;
  readonly untilEpoch?: number;
  readonly json?: boolean;
}

export function addCellCommand(cli: Cli): void {
  cli.program
    .command('cell')
    .summary('train one cell of a sweep: what a queue or a cluster calls')
    .description(
      'Train one cell of a sweep from its frozen experiment. It may be called any number of times: a cell that is done is left as it is, one that was stopped or lost goes on bit for bit, and one that another process works on is refused with exit code 5.',
    )
    .argument('<sweep>', 'the sweep’s json, <runs>/.mim/sweeps/<name>.json')
    .argument('<index>', 'of the cell in it, from 0', wholeNumber)
    .option('--retry', 'run the cell anew where it failed')
    .option('--until-epoch <n>', 'stop with a checkpoint once so many epochs are done (exit code 3); the schedule stays that of the whole run', positiveNumber)
    .addOption(jsonOption())
    .addHelpText('after', examples('mim cell runs/.mim/sweeps/ratios.json 3'))
    .action(async (sweep: string, index: number, { retry, untilEpoch, json }: Options) => {
      const { runCell } = await import('../cell');
      cli.exitCode = await runCell(cli.terminal, { sweep: resolve(sweep), index, retry, untilEpoch, json });
    });
}
