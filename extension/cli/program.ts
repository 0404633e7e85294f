/** The command line as a whole: every command, the global options, and how failures leave it. */
import { Command } from 'commander';
import type { Cli } from './command';
import { addCellCommand } from './commands/cell';
import { addDoctorCommand } from './commands/doctor';
import { addDiagnoseCommand } from './commands/diagnose';
import { addEngineCommand } from './commands/engine';
import { addEvaluateCommand } from './commands/evaluate';
import { addExplainCommand } from './commands/explain';
import { addExportCommand } from './commands/export';
import { addInspectCommand } from './commands/inspect';
import { addContinueCommand, addPauseCommand } from './commands/pause';
import { addPretrainCommand } from './commands/pretrain';
import { addPreviewCommand } from './commands/preview';
import { addQueueCommand } from './commands/queue';
import { addResumeCommand } from './commands/resume';
import { addRunsCommand } from './commands/runs';
import { addSchemaCommand } from './commands/schema';
import { addSlurmCommand } from './commands/slurm';
import { addStopCommand } from './commands/stop';
import { addSweepCommand } from './commands/sweep';
import { addTeacherCommand } from './commands/teacher';
import { reportError } from './errors';
import { exitCodes, exitCodeTable } from './exit-codes';
import type { Terminal } from './terminal';
import packageJson from '../../package.json';

const exitCodeHelp = exitCodeTable.map(([code, meaning]) => `  ${String(code).padStart(3)}  ${meaning}`).join('\n');

export function buildProgram(terminal: Terminal): Cli {
  const program = new Command('mim');
  const cli: Cli = { program, terminal, exitCode: exitCodes.done };
  // Before the commands are added: they inherit these settings.
  program.exitOverride().configureOutput({
    writeOut: (text) => terminal.out(text.replace(/\n$/, '')),
    writeErr: (text) => terminal.note(text.replace(/\n$/, '')),
  });
  program
    .description('Masked-image-modeling experiments from YAML: pretrain, evaluate, look inside.')
    .version(packageJson.version, '--version', 'print the version')
    .option('--debug', 'show the stack trace of errors')
    .helpOption('-h, --help', 'help for a command')
    .helpCommand('help [command]', 'help for a command')
    .configureHelp({ showGlobalOptions: true })
    .addHelpText('after', `\nExit codes:\n${exitCodeHelp}\n\nStart with: mim pretrain examples/quickstart.mim.yaml`);
  for (const add of commandsInHelpOrder) add(cli);
  return cli;
}

const commandsInHelpOrder = [
  addPretrainCommand,
  addSweepCommand,
  addSlurmCommand,
  addCellCommand,
  addQueueCommand,
  addResumeCommand,
  addStopCommand,
  addPauseCommand,
  addContinueCommand,
  addTeacherCommand,
  addEvaluateCommand,
  addDiagnoseCommand,
  addRunsCommand,
  addInspectCommand,
  addExportCommand,
  addPreviewCommand,
  addExplainCommand,
  addDoctorCommand,
  addEngineCommand,
  addSchemaCommand,
];

/**
 * Runs one command line (`args` without node and script) and returns the exit code. Never throws.
 * `--debug` is accepted on either side of the command.
 */
export async function runCommandLine(args: readonly string[], terminal: Terminal): Promise<number> {
  const debug = args.includes('--debug');
  const cli = buildProgram(terminal);
  try {
    await cli.program.parseAsync(args.filter((arg) => arg !== '--debug'), { from: 'user' });
    return cli.exitCode;
  } catch (error) {
    return reportError(error, terminal, { json: args.includes('--json'), debug });
  }
}
