import type { FileSummary } from '../../core/checkpoints/inspect';
import type { TensorStatistics } from '../../core/checkpoints/statistics';
import { examples, jsonOption, runsOption, type Cli } from '../command';
import { bytes, significant } from '../../core/text/format';
import { fetchingNotes } from '../download-notes';
import { findTarget, isRunDirectory } from '../locate';
import { inspectRun } from '../../core/runs/inspect-run';
import { printRun } from '../run-report';
import { tableLines } from '../table';
import { printJson, type Terminal } from '../terminal';

interface Options {
  readonly stats?: boolean;
  readonly runs: string;
  readonly json?: boolean;
}

type Statistics = Readonly<Record<string, TensorStatistics>>;

export function addInspectCommand(cli: Cli): void {
  cli.program
    .command('inspect')
    .summary('what is in a run, a checkpoint or a weight file')
    .description(
      'Show what is in a run (state, checkpoints, evaluations), or in weights: every tensor with its shape, and how the file imports as a teacher: keys that are used, ignored, missing.\n\nReads .safetensors and PyTorch .bin, .pt, .pth. Nothing in a PyTorch file is executed.',
    )
    .argument('<target>', 'run, checkpoint folder, weight file, or hf:// reference')
    .option('--stats', 'minimum, maximum, mean, deviation and non-finite values of every tensor')
    .addOption(runsOption())
    .addOption(jsonOption())
    .addHelpText('after', examples('mim inspect quickstart', 'mim inspect runs/quickstart/checkpoints/step-000123 --stats', 'mim inspect clip-vit-base-patch16/model.safetensors'))
    .action(async (given: string, options: Options) => {
      const target = findTarget(given, options.runs);
      if (isRunDirectory(target)) {
        const run = await inspectRun(target);
        if (options.json === true) printJson(cli.terminal, run);
        else printRun(cli.terminal, run);
        return;
      }
      const { inspectFile, tensorStatistics } = await import('../../core/checkpoints/inspect');
      const { localWeights } = await import('../../core/hub/fetch-weights');
      const summary = await inspectFile(await localWeights(target, fetchingNotes(cli.terminal)));
      const statistics = options.stats === true ? await tensorStatistics(summary.file) : undefined;
      if (options.json === true) printJson(cli.terminal, { ...summary, statistics });
      else printSummary(cli.terminal, summary, statistics);
    });
}

function printSummary(terminal: Terminal, summary: FileSummary, statistics: Statistics | undefined): void {
  const header = ['tensor', 'dtype', 'shape', ...(statistics === undefined ? [] : ['min', 'max', 'mean', 'std', 'NaN', 'infinite'])];
  const rows = summary.tensors.map(({ name, dtype, shape }) => [name, dtype, `[${shape.join(', ')}]`, ...statisticsCells(statistics?.[name])]);
  for (const line of tableLines(header, rows, ['left', 'left', 'left', 'right', 'right', 'right', 'right', 'right', 'right'])) terminal.out(line);
  terminal.out(`\n${summary.file}: ${summary.kind}, ${summary.tensors.length} tensors, ${summary.elements.toLocaleString('en')} values, ${bytes(summary.bytes)}`);
  for (const line of teacherLines(summary)) terminal.out(line);
}

function statisticsCells(of: TensorStatistics | undefined): string[] {
  return of === undefined ? [] : [...[of.min, of.max, of.mean, of.std].map(significant), String(of.nan), String(of.infinite)];
}

function teacherLines({ model, notAModel }: FileSummary): string[] {
  if (model === undefined) return [`As a teacher: no. ${notAModel ?? ''}`];
  const { shape, report } = model;
  const some = (names: readonly string[]): string => (names.length === 0 ? 'none' : `${names.length}: ${names.slice(0, 8).join(', ')}${names.length > 8 ? ', …' : ''}`);
  return [
    `As a teacher: ${report.format} naming; width ${shape.width}, ${shape.depth} blocks, ${shape.heads} heads, patch ${shape.patchSize} at ${shape.imageSize} px${shape.registers > 0 ? `, ${shape.registers} registers` : ''}`,
    `  used     ${report.used.length}`,
    `  ignored  ${some(report.ignored)}`,
    `  missing  ${some(report.missing)}`,
  ];
}
