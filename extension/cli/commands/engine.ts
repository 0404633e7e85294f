import { Argument, type Command } from 'commander';
import { UserError } from '../../core/problems';
import type { Check } from '../../training/engines/installed/check';
import { enginePackages, installableEngines, type InstallableEngine } from '../../training/engines/installed/engine-package';
import type { Installation } from '../../training/engines/installed/find-installation';
import type { Tried } from '../../training/engines/installed/try-engine';
import { examples, jsonOption, type Cli } from '../command';
import { exitCodes } from '../exit-codes';
import { printJson, styled, type Terminal } from '../terminal';

interface Options {
  readonly dir?: string;
  readonly json?: boolean;
}

interface Report {
  readonly engine: InstallableEngine;
  readonly package: string;
  readonly installed?: Installation;
  /** Where it is, or would be put. */
  readonly folder: string;
  readonly checks: readonly Check[];
  /** Of an installation that was just made. */
  readonly tried?: Tried;
}

export function addEngineCommand(cli: Cli): void {
  const engine = cli.program
    .command('engine')
    .summary('engines that are installed on demand')
    .description('Engines that are no part of this program, since few machines can use them.')
    .addHelpText('after', examples('mim engine status', 'mim engine install tfjs-node-gpu'));
  addInstall(cli, engine);
  addStatus(cli, engine);
}

function addInstall(cli: Cli, engine: Command): void {
  engine
    .command('install')
    .summary('install an engine by npm')
    .description('Install an engine by npm, into $MIM_ENGINES (default ~/.cache/mim/engines). Hundreds of megabytes are downloaded. It appears there whole or not at all.')
    .addArgument(new Argument('<engine>', 'which one').choices(installableEngines))
    .option('--dir <folder>', 'install there instead; MIM_ENGINES has to name that folder where it is used')
    .addOption(jsonOption())
    .addHelpText('after', examples('mim engine install tfjs-node-gpu', 'mim engine install tfjs-node-gpu --dir /data/engines'))
    .action(async (kind: InstallableEngine, options: Options) => {
      const report = await install(cli, kind, options);
      tell(cli.terminal, [report], options);
    });
}

function addStatus(cli: Cli, engine: Command): void {
  engine
    .command('status')
    .summary('what is installed, and what is missing')
    .description('Tell of each engine whether it is installed, and what it needs of this machine, without installing anything.')
    .option('--dir <folder>', 'look there instead of in $MIM_ENGINES')
    .addOption(jsonOption())
    .addHelpText('after', examples('mim engine status', 'mim engine status --json'))
    .action(async (options: Options) => {
      const reports: Report[] = [];
      for (const kind of installableEngines) reports.push(await examine(kind, options.dir));
      tell(cli.terminal, reports, options);
    });
}

async function examine(kind: InstallableEngine, dir: string | undefined): Promise<Report> {
  const { enginesFolder, findInstallation } = await import('../../training/engines/installed/find-installation');
  const { engineChecks } = await import('../../training/engines/installed/install-checks');
  const engines = dir ?? enginesFolder();
  const wanted = enginePackages[kind];
  return { engine: kind, package: `${wanted.name}@${wanted.version}`, installed: findInstallation(wanted, process.cwd(), engines), folder: engines, checks: await engineChecks(wanted, engines) };
}

/** @throws UserError MIM4010 before anything is fetched, where something is missing that the installation needs */
async function install(cli: Cli, kind: InstallableEngine, { dir }: Options): Promise<Report> {
  const before = await examine(kind, dir);
  const missing = before.checks.filter(({ ok, neededTo }) => !ok && neededTo === 'install');
  if (missing.length > 0) throw new UserError('MIM4010', `${before.package} cannot be installed: ${missing.map(({ name, detail }) => `${name}: ${detail}`).join('; ')}`, missing[0]!.hint, exitCodes.failed);

  cli.terminal.note(`Installing ${before.package} into ${before.folder}; what it downloads takes a while.`);
  const { installEngine } = await import('../../training/engines/installed/install-engine');
  const abort = new AbortController();
  const stop = (): void => abort.abort(new UserError('MIM4008', 'The installation was stopped; nothing of it was kept.', undefined, exitCodes.interrupted));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop);
  try {
    const tried = await installEngine(enginePackages[kind], { engines: before.folder, log: cli.terminal.progressStream, signal: abort.signal });
    return { ...(await examine(kind, dir)), tried };
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.removeListener(signal, stop);
  }
}

function tell(terminal: Terminal, reports: readonly Report[], { json }: Options): void {
  if (json === true) {
    printJson(terminal, reports);
    return;
  }
  for (const report of reports) printReport(terminal, report);
}

function printReport(terminal: Terminal, { engine, package: name, installed, folder, checks, tried }: Report): void {
  terminal.out(installed ? `${engine}: ${name.replace(/@[^@]*$/, '')} ${installed.version} in ${installed.folder}` : `${engine}: not installed; \`mim engine install ${engine}\` puts ${name} into ${folder}`);
  for (const { name: what, ok, neededTo, detail, hint } of checks) {
    const mark = ok ? styled(terminal, 'green', 'ok  ') : styled(terminal, 'yellow', 'no  ');
    terminal.out(`${mark} ${what}: ${detail}${ok ? '' : ` (needed to ${neededTo})`}`);
    if (!ok && hint !== undefined) terminal.out(`       ${hint}`);
  }
  if (tried) terminal.out(`${tried.detail}${tried.gpu ? '' : '; see above for what is missing to run'}.`);
}
