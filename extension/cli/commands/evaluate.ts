import { InvalidArgumentError, Option } from 'commander';
import { FEATURE_KINDS, PROBE_PRESET_NAMES, PROTOCOLS } from '../../core/config/evaluation-choices';
import type { EvaluationConfig } from '../../core/config/schema';
import { examples, jsonOption, positiveInteger, positiveNumber, runsOption, setOption, wholeNumber, type Cli } from '../command';
import { robustnessTable } from '../robustness-table';
import { tellJobOfRun } from '../job-worker';
import { pacedDownloadNotes } from '../download-notes';
import { pacedEvaluationNotes } from '../evaluation-notes';
import { evaluationTable } from '../evaluation-table';
import { checkpointAt, findConfig, findTarget, isRunDirectory } from '../locate';
import { printJson } from '../terminal';

interface Options {
  readonly step?: number;
  readonly protocol: EvaluationConfig['protocol'];
  readonly features: EvaluationConfig['features'];
  readonly layers?: EvaluationConfig['layers'];
  readonly preset: EvaluationConfig['preset'];
  readonly epochs?: number;
  readonly queries?: number;
  readonly labelFraction?: number;
  readonly draws?: number;
  readonly blr?: number;
  readonly layerDecay?: number;
  readonly dropPath?: number;
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
    .summary('linear probe, kNN, attentive probe or fine-tuning of a run, checkpoint or weight file')
    .description(
      'Evaluate frozen features on labelled images, or fine-tune. The data are those of the run; for weights that are not in a run, --config names an experiment whose `data` are used.\n\nEvery knob of the protocol is part of the result.',
    )
    .argument('<target>', 'run (its newest whole checkpoint), checkpoint folder, weight file, or hf:// reference')
    .option('--step <n>', 'of a run: the checkpoint of this step instead of the newest', wholeNumber)
    .addOption(new Option('--protocol <protocol>', 'linear probe, nearest neighbours as in DINO, attentive probe of the patch tokens, a linear probe on corrupted images, or fine-tuning end to end').choices(PROTOCOLS).makeOptionMandatory())
    .addOption(new Option('--features <features>', 'CLS token, mean of the patch tokens, or both').choices(FEATURE_KINDS).default('cls'))
    .addOption(new Option('--layers <layers>', 'all, or blocks counted from 1, such as 3,6,12: a result each (default: the last block)').argParser(layers))
    .addOption(new Option('--preset <preset>', 'linear, attentive: small (no augmentation, swept learning rates) or mae (LARS, augmentation, 90 epochs); finetune: small (20 epochs, batch 128) or mae (100 epochs, batch 1024)').choices(PROBE_PRESET_NAMES).default('small'))
    .option('--epochs <n>', 'linear, attentive, robustness, finetune: epochs of the probe, or of fine-tuning', positiveInteger)
    .option('--queries <n>', 'attentive: learned queries (default: 32)', positiveInteger)
    .option('--label-fraction <share>', 'linear: train on this share of the labels of every class, such as 0.01', share)
    .option('--draws <n>', 'with --label-fraction: how often the labels are drawn (default: 5)', positiveInteger)
    .option('--blr <rate>', 'finetune: base learning rate, lr = blr · batch / 256 (default: 1e-3, as mae 5e-4)', positiveNumber)
    .option('--layer-decay <factor>', 'finetune: rate of a block as a share of that of the next one (default: 0.75, as mae 0.65)', factor)
    .option('--drop-path <rate>', 'finetune: stochastic depth of the last block (default: 0.1)', rate)
    .option('-k <n>', 'knn: neighbours', positiveInteger, 20)
    .option('--temperature <t>', 'knn: temperature of the votes', positiveNumber, 0.07)
    .option('--baselines', 'evaluate the random-initialised student and the teacher too')
    .option('--config <file>', 'experiment whose data are used, where the target is not in a run')
    .addOption(setOption())
    .addOption(runsOption())
    .addOption(jsonOption())
    .addHelpText('after', examples('mim evaluate quickstart --protocol linear', 'mim evaluate quickstart --protocol knn --features mean -k 10 --json', 'mim evaluate quickstart --protocol knn --layers all', 'mim evaluate quickstart --protocol linear --label-fraction 0.01', 'mim evaluate quickstart --protocol finetune --baselines', 'mim evaluate clip.safetensors --protocol linear --config cifar10.mim.yaml'))
    .action(async (given: string, options: Options) => {
      const { protocol, features, layers, preset, epochs, queries, labelFraction, draws, blr, layerDecay, dropPath, k, temperature } = options;
      const found = findTarget(given, options.runs);
      if (isRunDirectory(found)) tellJobOfRun(found);
      const target = options.step === undefined ? found : await checkpointAt(found, options.step);
      const { evaluateRun } = await import('../../training/evaluate');
      const results = await evaluateRun({
        target,
        evaluation: { protocol, features, layers, preset, epochs, queries, label_fraction: labelFraction, draws, blr, layer_decay: layerDecay, drop_path: dropPath, k, temperature, baselines: options.baselines === true },
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
      for (const line of evaluationTable(results)) cli.terminal.out(line);
      const underCorruptions = robustnessTable(results);
      if (underCorruptions.length > 0) for (const line of ['', ...underCorruptions]) cli.terminal.out(line);
    });
}

function share(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value < 1)) throw new InvalidArgumentError('It should be a number above 0 and below 1, such as 0.01.');
  return value;
}

function factor(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 1)) throw new InvalidArgumentError('It should be a number above 0 and at most 1, such as 0.65.');
  return value;
}

function rate(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value < 1)) throw new InvalidArgumentError('It should be a number from 0 on and below 1, such as 0.1.');
  return value;
}

/** `all`, or `3,6,12`. */
function layers(text: string): NonNullable<EvaluationConfig['layers']> {
  if (text === 'all') return 'all';
  const chosen = text.split(',').map(Number);
  if (!chosen.every((layer) => Number.isInteger(layer) && layer >= 1)) throw new InvalidArgumentError('It should be all, or whole numbers from 1 on, such as 3,6,12.');
  return chosen;
}
