import { dirname, extname, join } from 'node:path';
import { Option } from 'commander';
import type { TeacherShape } from '../../core/checkpoints/teacher-shape';
import type { NamedTensors } from '../../core/tensors';
import { UserError } from '../../core/problems';
import { examples, jsonOption, runsOption, type Cli } from '../command';
import { fetchingNotes } from '../download-notes';
import { exitCodes } from '../exit-codes';
import { findTarget } from '../locate';
import { printJson } from '../terminal';

type Format = 'safetensors' | 'onnx';

interface Options {
  readonly output: string;
  readonly format?: Format;
  readonly runs: string;
  readonly ema?: boolean;
  readonly json?: boolean;
}

export function addExportCommand(cli: Cli): void {
  cli.program
    .command('export')
    .summary("a student's weights as .safetensors with timm's names, or its encoder as .onnx")
    .description(
      "Write a student's weights as one .safetensors file with timm's names and nothing else in it. timm loads it strictly:\n\n  model = timm.models.VisionTransformer(..., num_classes=0); model.load_state_dict(load_file(FILE))\n\nOr its encoder as an ONNX model: `images` [batch, 3, S, S], normalised as the model's metadata say, to `cls` and `mean` [batch, D]. It is run before it is kept, and its difference from the checkpoint is told.",
    )
    .argument('<checkpoint>', 'run (its newest whole checkpoint), checkpoint folder, weight file, or hf:// reference')
    .requiredOption('--output <file>', 'the file to write')
    .addOption(new Option('--format <format>', 'what to write').choices(['safetensors', 'onnx']).default(undefined, 'onnx for a file that ends in .onnx, else safetensors'))
    .option('--ema', 'the moving average of the weights (`optimizer.ema`) instead of the weights themselves')
    .addOption(runsOption())
    .addOption(jsonOption())
    .addHelpText('after', examples('mim export quickstart --output student.safetensors', 'mim export runs/quickstart/checkpoints/step-000123 --output student.safetensors', 'mim export quickstart --format onnx --output student.onnx'))
    .action(async (target: string, options: Options) => {
      const { localWeights } = await import('../../core/hub/fetch-weights');
      const { importTeacher } = await import('../../core/checkpoints/import-teacher');
      const { tensors, shape, report } = await importTeacher(await localWeights(findTarget(target, options.runs), fetchingNotes(cli.terminal)));
      const exported = options.ema === true ? { ...tensors, ...(await averagedWeights(report.file)) } : tensors;
      const format = options.format ?? (extname(options.output) === '.onnx' ? 'onnx' : 'safetensors');
      const written = await write(format, options.output, exported, shape, report.file);
      if (options.json === true) printJson(cli.terminal, { source: report.file, output: options.output, format, ema: options.ema === true, shape, ...written });
      else for (const line of [`Wrote ${options.output}: ViT of width ${shape.width}, ${shape.depth} blocks, patch ${shape.patchSize} at ${shape.imageSize} px, from ${report.file}`, ...told(written)]) cli.terminal.out(line);
    });
}

/** @returns what an ONNX model was found to be; undefined for other formats, which hold the weights as they are. */
async function write(format: Format, output: string, tensors: NamedTensors, shape: TeacherShape, source: string) {
  if (format === 'onnx') {
    const { exportOnnx } = await import('../../training/export/export-onnx');
    return exportOnnx(output, tensors, shape, source);
  }
  const { exportTimm } = await import('../../core/checkpoints/export-timm');
  await exportTimm(output, tensors, shape);
  return undefined;
}

function told(onnx: Awaited<ReturnType<typeof write>>): string[] {
  if (onnx === undefined) return [];
  const { cls, mean } = onnx.difference;
  return [`ONNX opset ${onnx.opset}, any batch size; run on noise it differs from the checkpoint by ${cls.toExponential(1)} (cls) and ${mean.toExponential(1)} (mean) of the largest feature.`];
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
