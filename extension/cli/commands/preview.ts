import { writeFile } from 'node:fs/promises';
import { examples, jsonOption, positiveInteger, setOption, type Cli } from '../command';
import { percent } from '../../core/text/format';
import { fetchingNotes } from '../download-notes';
import { findConfig } from '../locate';
import { printJson } from '../terminal';

interface Options {
  readonly output: string;
  readonly count: number;
  readonly set: Record<string, string>;
  readonly json?: boolean;
}

export function addPreviewCommand(cli: Cli): void {
  cli.program
    .command('preview')
    .summary('PNG sheet of augmented images, masks and teacher attention')
    .description('Draw what the student of an experiment would see, before training: the augmented image, the patches that stay visible, and the attention of the teacher.')
    .argument('<config>', 'experiment file')
    .requiredOption('--output <file.png>', 'the sheet to write')
    .option('--count <n>', 'how many images', positiveInteger, 8)
    .addOption(setOption())
    .addOption(jsonOption())
    .addHelpText('after', examples('mim preview examples/quickstart.mim.yaml --output masks.png', 'mim preview my.mim.yaml --output random.png --set masking.strategy=random --count 16'))
    .action(async (config: string, options: Options) => {
      const configFile = findConfig(config);
      const { loadExperiment } = await import('../../core/config/load');
      const loaded = await loadExperiment(configFile, options.set);
      const { drawPreview } = await import('../preview');
      const { png, ...figures } = await drawPreview(loaded, configFile, options.count, fetchingNotes(cli.terminal));
      await writeFile(options.output, png);
      if (options.json === true) {
        printJson(cli.terminal, { output: options.output, ...figures });
        return;
      }
      const attended = figures.visibleAttention === undefined ? '' : `, which hold ${percent(figures.visibleAttention)} of the teacher's attention`;
      cli.terminal.out(`Wrote ${options.output}: ${figures.images} images, ${figures.keepCount} of ${figures.patchCount} patches visible${attended}.`);
    });
}
