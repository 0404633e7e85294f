import type { DiagnoseOptions } from '../../training/diagnose';
import type { Diagnostics } from '../../training/diagnosis';
import { examples, jsonOption, positiveInteger, runsOption, setOption, wholeNumber, type Cli } from '../command';
import { pacedDownloadNotes } from '../download-notes';
import { tellJobOfRun } from '../job-worker';
import { checkpointAt, findConfig, findTarget, isRunDirectory } from '../locate';
import { tableLines } from '../table';
import { printJson, type Terminal } from '../terminal';

interface Options {
  readonly step?: number;
  readonly images: number;
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
      'Attention distance, entropy and mutual information of every block, likeness of tokens and heads, frequencies, rank, collapse, and CKA with the teacher, on a fixed batch of training images. Labels are not needed.',
    )
    .argument('<target>', 'run (its newest whole checkpoint), checkpoint folder, or weight file')
    .option('--step <n>', 'of a run: the checkpoint of this step instead of the newest', wholeNumber)
    .option('--images <n>', 'drawn from the training images by data.seed', positiveInteger, 256)
    .option('--config <file>', 'experiment whose data are used, where the target is not in a run')
    .addOption(setOption())
    .addOption(runsOption())
    .addOption(jsonOption())
    .addHelpText('after', examples('mim diagnose quickstart', 'mim diagnose quickstart --step 100 --images 1024 --json', 'mim diagnose dino.safetensors --config cifar10.mim.yaml'))
    .action(async (given: string, options: Options) => {
      const found = findTarget(given, options.runs);
      if (isRunDirectory(found)) tellJobOfRun(found);
      const { diagnoseRun } = await import('../../training/diagnose');
      const asked: DiagnoseOptions = {
        target: options.step === undefined ? found : await checkpointAt(found, options.step),
        images: options.images,
        configFile: options.config === undefined ? undefined : findConfig(options.config),
        overrides: options.set,
        onMessage: (line) => cli.terminal.note(line),
        onDownload: pacedDownloadNotes((line) => cli.terminal.note(line)),
      };
      const diagnostics = await diagnoseRun(asked);
      if (options.json === true) printJson(cli.terminal, diagnostics);
      else print(cli.terminal, diagnostics);
    });
}

const COLUMNS = ['level', 'distance', 'entropy', 'NMI', 'heads alike', 'tokens alike', 'Δ log amplitude', 'RankMe', 'collapse std'] as const;

function print(terminal: Terminal, { encoders, cka, grid }: Diagnostics): void {
  for (const { subject, levels } of encoders) {
    const likest = subject === 'student' || subject === 'checkpoint' ? cka : undefined;
    terminal.out(`${subject}, ${levels.length === 1 ? '1 level' : `${levels.length} levels`}`);
    const rows = levels.map((level, i) => [
      String(i + 1), mean(level.attentionDistance).toFixed(2), mean(level.attentionEntropy).toFixed(3), mean(level.attentionNmi).toFixed(3), level.headLikeness?.toFixed(3) ?? '–',
      level.tokenUniformity.toFixed(3), level.fourierLogAmplitude.toFixed(2), level.rankMe.toFixed(1), level.collapseStd.toFixed(4), ...(likest ? [bestOf(likest[i]!)] : []),
    ]);
    const header = [...COLUMNS, ...(likest ? ['CKA with the teacher'] : [])];
    for (const line of tableLines(header, rows, header.map(() => 'right'))) terminal.out(line);
    terminal.out('');
  }
  terminal.out(`Means over heads; distances in patches of a ${grid} × ${grid} grid. --json has every head${cka ? ' and the CKA of every pair of levels' : ''}.`);
}

/** The teacher's level that a level is most like. */
function bestOf(row: readonly number[]): string {
  const best = row.reduce((at, value, i) => (value > row[at]! ? i : at), 0);
  return `${row[best]!.toFixed(3)} at level ${best + 1}`;
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
