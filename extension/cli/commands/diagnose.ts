import type { DiagnoseOptions } from '../../training/diagnose';
import { examples, jsonOption, positiveInteger, runsOption, setOption, wholeNumber, type Cli } from '../command';
import { diagnosticsLines } from '../diagnostics-tables';
import { pacedDownloadNotes } from '../download-notes';
import { tellJobOfRun } from '../job-worker';
import { checkpointAt, findConfig, findTarget, isRunDirectory } from '../locate';
import { printJson } from '../terminal';

interface Options {
  readonly step?: number;
  readonly images: number;
  readonly ratios?: boolean;
  readonly config?: string;
  readonly set: Record<string, string>;
  readonly runs: string;
  readonly json?: boolean;
}

export function addDiagnoseCommand(cli: Cli): void {
  cli.program
    .command('diagnose')
    .summary('what the levels of a checkpoint do, beside its teacher and an untrained student')
    .description(
      'Attention distance, entropy and mutual information of every block, likeness of tokens and heads, frequencies, rank, collapse, and CKA with the teacher, on a fixed batch of training images; of MaskAlign also how well every level of the teacher is met. Labels are not needed.',
    )
    .argument('<target>', 'run (its newest whole checkpoint), checkpoint folder, or weight file')
    .option('--step <n>', 'of a run: the checkpoint of this step instead of the newest', wholeNumber)
    .option('--images <n>', 'drawn from the training images by data.seed', positiveInteger, 256)
    .option('--ratios', 'also the loss at mask ratios from 0 to 0.9, of a run’s own checkpoint')
    .option('--config <file>', 'experiment whose data are used, where the target is not in a run')
    .addOption(setOption())
    .addOption(runsOption())
    .addOption(jsonOption())
    .addHelpText('after', examples('mim diagnose quickstart', 'mim diagnose quickstart --ratios', 'mim diagnose quickstart --step 100 --images 1024 --json', 'mim diagnose dino.safetensors --config cifar10.mim.yaml'))
    .action(async (given: string, options: Options) => {
      const found = findTarget(given, options.runs);
      if (isRunDirectory(found)) tellJobOfRun(found);
      const { diagnoseRun } = await import('../../training/diagnose');
      const asked: DiagnoseOptions = {
        target: options.step === undefined ? found : await checkpointAt(found, options.step),
        images: options.images,
        ratios: options.ratios,
        configFile: options.config === undefined ? undefined : findConfig(options.config),
        overrides: options.set,
        onMessage: (line) => cli.terminal.note(line),
        onDownload: pacedDownloadNotes((line) => cli.terminal.note(line)),
      };
      const diagnostics = await diagnoseRun(asked);
      if (options.json === true) printJson(cli.terminal, diagnostics);
      else for (const line of diagnosticsLines(diagnostics)) cli.terminal.out(line);
    });
}
