import type { ImportReport } from '../../core/checkpoints/import-teacher';
import type { TeacherShape } from '../../core/checkpoints/teacher-shape';
import { UserError } from '../../core/problems';
import { examples, jsonOption, runsOption, type Cli } from '../command';
import { bytes, significant } from '../format';
import { findTarget, isRunDirectory } from '../locate';
import { inspectRun, printRun } from '../run-report';
import { tableLines } from '../table';
import type { ListedTensor, TensorListing } from '../tensor-listing';
import { printJson, type Terminal } from '../terminal';

interface Options {
  readonly stats?: boolean;
  readonly runs: string;
  readonly json?: boolean;
}

/** How a weight file would be read as a teacher, or why it cannot be. */
type TeacherReport = ({ readonly usable: true; readonly shape: TeacherShape } & Pick<ImportReport, 'format' | 'used' | 'ignored' | 'missing'>) | { readonly usable: false; readonly reason: string };

export function addInspectCommand(cli: Cli): void {
  cli.program
    .command('inspect')
    .summary('what is in a run, a checkpoint or a weight file')
    .description(
      'Show what is in a run (state, checkpoints, evaluations), or in weights: every tensor with its shape, and how the file imports as a teacher: keys that are used, ignored, missing.\n\nReads .safetensors and PyTorch .bin, .pt, .pth. Nothing in a PyTorch file is executed.',
    )
    .argument('<target>', 'run, checkpoint folder or weight file')
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
      const { resolveWeights } = await import('../../core/checkpoints/find-weights');
      const file = await resolveWeights(target);
      const { listTensors } = await import('../tensor-listing');
      const listing = await listTensors(file, { statistics: options.stats === true });
      const teacher = await teacherReport(file);
      if (options.json === true) printJson(cli.terminal, { ...listing, teacher });
      else printListing(cli.terminal, listing, teacher);
    });
}

/** From names and sizes alone; no weights are read. */
async function teacherReport(file: string): Promise<TeacherReport> {
  const { openTensors } = await import('../../core/checkpoints/open-tensors');
  const { planImport, reportOf } = await import('../../core/checkpoints/import-teacher');
  const source = await openTensors(file);
  try {
    const plan = await planImport(source, {});
    const { format, used, ignored, missing } = reportOf(source, plan);
    return { usable: true, format, shape: plan.shape, used, ignored, missing };
  } catch (error) {
    if (error instanceof UserError) return { usable: false, reason: error.message };
    throw error;
  } finally {
    await source.close();
  }
}

function printListing(terminal: Terminal, listing: TensorListing, teacher: TeacherReport): void {
  const withStatistics = listing.tensors.some((tensor) => tensor.statistics !== undefined);
  const header = ['tensor', 'dtype', 'shape', ...(withStatistics ? ['min', 'max', 'mean', 'std', 'not finite'] : [])];
  for (const line of tableLines(header, listing.tensors.map(tensorRow), ['left', 'left', 'left', 'right', 'right', 'right', 'right', 'right'])) terminal.out(line);
  terminal.out(`\n${listing.file}: ${listing.format}, ${listing.tensors.length} tensors, ${listing.elements.toLocaleString('en')} values (${bytes(4 * listing.elements)} as float32)`);
  for (const line of teacherLines(teacher)) terminal.out(line);
}

function tensorRow({ name, dtype, shape, statistics }: ListedTensor): string[] {
  const numbers = statistics === undefined ? [] : [statistics.min, statistics.max, statistics.mean, statistics.std].map(significant);
  return [name, dtype, `[${shape.join(', ')}]`, ...numbers, ...(statistics === undefined ? [] : [String(statistics.notFinite)])];
}

function teacherLines(teacher: TeacherReport): string[] {
  if (!teacher.usable) return [`As a teacher: no. ${teacher.reason}`];
  const { shape, format, used, ignored, missing } = teacher;
  const some = (names: readonly string[]): string => (names.length === 0 ? 'none' : `${names.length}: ${names.slice(0, 8).join(', ')}${names.length > 8 ? ', …' : ''}`);
  return [
    `As a teacher: ${format} naming; width ${shape.width}, ${shape.depth} blocks, ${shape.heads} heads, patch ${shape.patchSize} at ${shape.imageSize} px${shape.registers > 0 ? `, ${shape.registers} registers` : ''}`,
    `  used     ${used.length}`,
    `  ignored  ${some(ignored)}`,
    `  missing  ${some(missing)}`,
  ];
}
