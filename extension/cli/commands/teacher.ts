import { UserError } from '../../core/problems';
import { examples, type Cli } from '../command';
import { exitCodes } from '../exit-codes';
import { findConfig } from '../locate';
import { trainNewRun, withNewRunOptions, type NewRunOptions } from './pretrain';

export function addTeacherCommand(cli: Cli): void {
  const command = cli.program
    .command('teacher')
    .summary('train a supervised teacher from scratch')
    .description(
      'Train a classifier from scratch (`method: supervised`), to serve as a teacher without any download.\n\nName its run directory as `teacher.checkpoint` of the experiment that learns from it.',
    )
    .argument('<config>', 'experiment file with `method: supervised`')
    .action(async (config: string, options: NewRunOptions) => {
      const configFile = findConfig(config);
      const { loadExperiment } = await import('../../core/config/load');
      const { resolved } = await loadExperiment(configFile, options.set);
      if (resolved.method !== 'supervised') {
        throw new UserError(
          'MIM9020',
          `${config} is an experiment with \`method: ${resolved.method}\`; a teacher is trained with \`method: supervised\`.`,
          `To run it as it is: mim pretrain ${config}`,
          exitCodes.usage,
        );
      }
      await trainNewRun(cli, configFile, options);
    });
  withNewRunOptions(command).addHelpText('after', examples('mim teacher examples/quickstart-teacher.mim.yaml'));
}
