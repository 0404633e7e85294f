import { Option } from 'commander';
import type { EvaluationConfig } from '../../core/config/schema';
import { examples, jsonOption, positiveInteger, positiveNumber, runsOption, setOption, wholeNumber, type Cli } from '../command';
import { tellJobOfRun } from '../job-worker';
import { pacedDownloadNotes } from '../download-notes';
import { pacedEvaluationNotes } from '../evaluation-notes';
import { percent } from '../../core/text/format';
import { findConfig, findTarget, isRunDirectory } from '../locate';
import { tableLines } from '../table';
import { printJson } from '../terminal';

interface Options {
  readonly step?: number;
  readonly protocol: EvaluationConfig['protocol'];
  readonly features: EvaluationConfig['features'];
  readonly preset: EvaluationConfig['preset'];
  readonly epochs?: number;
  readonly k: number;
  readonly temperature: number;
  readonly baselines?: boolean;
  readonly config?: string;
  readonly set: Record<string, string>;
  readonly runs: string;
  readonly json?: boolean;
}

export function addEvaluateCommand(cli: Cli): void {
  cli.program
    .command('evaluate')
    .summary('linear probe or kNN of a run, checkpoint or weight file')
    .description(
      'Evaluate frozen features on labelled images. The data are those of the run; for weights that are not in a run, --config names an experiment whose `data` are used.\n\nEvery knob of the protocol is part of the result.',
    )
    .argument('<target>', 'run (its newest whole checkpoint), checkpoint folder, weight file, or hf:// reference')
    .option('--step <n>', 'of a run: the checkpoint of this step instead of the newest', wholeNumber)
    .addOption(new Option('--protocol <protocol>', 'linear probe, or nearest neighbours as in DINO').choices(['linear', 'knn']).makeOptionMandatory())
    .addOption(new Option('--features <features>', 'CLS token, or mean of the patch tokens').choices(['cls', 'mean']).default('cls'))
    .addOption(new Option('--preset <preset>', 'linear: small (cached features, swept learning rates) or mae (LARS, augmentation, 90 epochs)').choices(['small', 'mae']).default('small'))
    .option('--epochs <n>', 'linear: epochs of the probe', positiveInteger)
    .option('-k <n>', 'knn: neighbours', positiveInteger, 20)
    .option('--temperature <t>', 'knn: temperature of the votes', positiveNumber, 0.07)
    .option('--baselines', 'evaluate the random-initialised student and the teacher too')
    .option('--config <file>', 'experiment whose data are used, where the target is not in a run')
    .addOption(setOption())
    .addOption(runsOption())
    .addOption(jsonOption())
    .addHelpText('after', examples('mim evaluate quickstart --protocol linear', 'mim evaluate quickstart --protocol knn --features mean -k 10 --json', 'mim evaluate clip.safetensors --protocol linear --config cifar10.mim.yaml'))
    .action(async (given: string, options: Options) => {
      const { protocol, features, preset, epochs, k, temperature } = options;
      const found = findTarget(given, options.runs);
      if (isRunDirectory(found)) tellJobOfRun(found);
      const target = options.step === undefined ? found : await checkpointAt(found, options.step);
      const { evaluateRun } = await import('../../training/evaluate');
      const results = await evaluateRun({
        target,
        evaluation: { protocol, features, preset, epochs, k, temperature, baselines: options.baselines === true },
        configFile: options.config === undefined ? undefined : findConfig(options.config),
        overrides: options.set,
        onMessage: (line) => cli.terminal.note(line),
        onDownload: pacedDownloadNotes((line) => cli.terminal.note(line)),
        onProgress: pacedEvaluationNotes((line) => cli.terminal.note(line)),
      });
      if (options.json === true) {
        printJson(cli.terminal, results);
        return;
      }
      const rows = results.map(({ subject, protocol: by, features: of, step, top1 }) => [subject, by, of, String(step), percent(top1)]);
      for (const line of tableLines(['subject', 'protocol', 'features', 'step', 'top-1'], rows, ['left', 'left', 'left', 'right', 'right'])) cli.terminal.out(line);
    });
}

async function checkpointAt(run: string, step: number): Promise<string> {
  const { RunDirectory } = await import('../../core/runs/run-directory');
  return (await (await RunDirectory.open(run)).checkpointAt(step)).path;
}
