import { dirname, join } from 'node:path';
import type { NamedTensors } from '../../core/tensors';
import { UserError } from '../../core/problems';
import { examples, jsonOption, runsOption, type Cli } from '../command';
import { exitCodes } from '../exit-codes';
import { findTarget } from '../locate';
import { printJson } from '../terminal';

interface Options {
  readonly output: string;
  readonly runs: string;
  readonly ema?: boolean;
  readonly json?: boolean;
}

export function addExportCommand(cli: Cli): void {
  cli.program
    .command('export')
    .summary("a student's weights as .safetensors with timm's names")
    .description(
      "Write a student's weights as one .safetensors file with timm's names and nothing else in it. timm loads it strictly:\n\n  model = timm.models.VisionTransformer(..., num_classes=0); model.load_state_dict(load_file(FILE))",
    )
    .argument('<checkpoint>', 'run (its newest whole checkpoint), checkpoint folder, or weight file')
    .requiredOption('--output <file>', 'the file to write')
    .option('--ema', 'the moving average of the weights (`optimizer.ema`) instead of the weights themselves')
    .addOption(runsOption())
    .addOption(jsonOption())
    .addHelpText('after', examples('mim export quickstart --output student.safetensors', 'mim export runs/quickstart/checkpoints/step-000123 --output student.safetensors'))
    .action(async (target: string, options: Options) => {
      const { importTeacher } = await import('../../core/checkpoints/import-teacher');
      const { exportTimm } = await import('../../core/checkpoints/export-timm');
      const { tensors, shape, report } = await importTeacher(findTarget(target, options.runs));
      const exported = options.ema === true ? { ...tensors, ...(await averagedWeights(report.file)) } : tensors;
      await exportTimm(options.output, exported, shape);
      if (options.json === true) printJson(cli.terminal, { source: report.file, output: options.output, ema: options.ema === true, shape });
      else cli.terminal.out(`Wrote ${options.output}: ViT of width ${shape.width}, ${shape.depth} blocks, patch ${shape.patchSize} at ${shape.imageSize} px, from ${report.file}`);
    });
}

/** The `ema.` entries of the state beside a checkpoint's model. What is not trained (positions) is not among them. */
async function averagedWeights(modelFile: string): Promise<NamedTensors> {
  const { openTensors } = await import('../../core/checkpoints/open-tensors');
  const state = await openTensors(join(dirname(modelFile), 'state.safetensors')).catch(() => undefined);
  const averaged: NamedTensors = {};
  try {
    for (const name of state?.entries.keys() ?? []) {
      if (name.startsWith('ema.')) averaged[name.slice('ema.'.length)] = await state!.read(name);
    }
  } finally {
    await state?.close();
  }
  if (Object.keys(averaged).length === 0) {
    throw new UserError('MIM9030', `${modelFile} has no moving average beside it.`, 'Set `optimizer.ema` in the experiment to keep one, or leave --ema out.', exitCodes.usage);
  }
  return averaged;
}
