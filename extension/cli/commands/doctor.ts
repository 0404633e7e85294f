import { statfs } from 'node:fs/promises';
import { availableParallelism, cpus, freemem, totalmem } from 'node:os';
import type { DeviceProbe, EngineProbe } from '../../training/engines/create';
import { examples, jsonOption, type Cli } from '../command';
import { exitCodes } from '../exit-codes';
import { bytes } from '../../core/text/format';
import { rateInWords } from '../../training/engines/rates';
import { printJson, styled, type Terminal } from '../terminal';

interface Check {
  readonly name: string;
  readonly ok: boolean;
  /** Without it, training goes on in another way. */
  readonly optional?: boolean;
  readonly detail: string;
}

interface Report {
  readonly ok: boolean;
  readonly checks: readonly Check[];
  readonly engines: readonly EngineProbe[];
  /** By number. */
  readonly devices: readonly DeviceProbe[];
}

export function addDoctorCommand(cli: Cli): void {
  cli.program
    .command('doctor')
    .summary('what this machine offers: engines, GPUs, libraries, speed')
    .description('Check what training needs on this machine: the engines and why one does not work, the GPUs by the numbers that `engine.device` takes, libraries, threads, memory, disk, and how fast each engine multiplies matrices, quickly measured.\n\nExits with 1 where something that training needs is missing.')
    .addOption(jsonOption())
    .addHelpText('after', examples('mim doctor', 'mim doctor --json'))
    .action(async (options: { readonly json?: boolean }) => {
      const report = await examine();
      if (options.json === true) printJson(cli.terminal, report);
      else printReport(cli.terminal, report);
      cli.exitCode = report.ok ? exitCodes.done : exitCodes.failed;
    });
}

async function examine(): Promise<Report> {
  const checks = [nodeCheck(), machineCheck(), await diskCheck(), await sharpCheck(), await onnxRuntimeCheck()];
  const { probeDevices, probeEngines } = await import('../../training/engines/create');
  const devices = await probeDevices();
  const engines = await probeEngines();
  return { ok: engines.some((engine) => engine.works) && checks.every((check) => check.ok || check.optional === true), checks, engines, devices };
}

function nodeCheck(): Check {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const ok = major > 20 || (major === 20 && minor >= 9);
  return { name: 'node', ok, detail: `${process.version} on ${process.platform} ${process.arch}${ok ? '' : '; 20.9 or newer is needed'}` };
}

function machineCheck(): Check {
  const model = cpus()[0]?.model.trim() ?? 'unknown processor';
  return { name: 'machine', ok: true, detail: `${model}, ${availableParallelism()} threads, ${bytes(freemem())} of ${bytes(totalmem())} memory free` };
}

async function diskCheck(): Promise<Check> {
  const { bavail, bsize } = await statfs('.');
  const free = bavail * bsize;
  const enough = free > 1e9;
  return { name: 'disk', ok: enough, detail: `${bytes(free)} free in the current folder${enough ? '' : '; a run of a small model needs about 1 GB'}` };
}

async function sharpCheck(): Promise<Check> {
  return libraryCheck('sharp', 'decodes images', async () => {
    const { default: sharp } = await import('sharp');
    return `${sharp.versions.sharp} (libvips ${sharp.versions.vips})`;
  });
}

async function onnxRuntimeCheck(): Promise<Check> {
  const check = await libraryCheck('onnxruntime', 'runs the compiled engine', async () => {
    const { env, listSupportedBackends } = await import('onnxruntime-node');
    return `${env.versions.node ?? env.versions.common} (${listSupportedBackends().map((backend) => backend.name).join(', ')})`;
  });
  return { ...check, optional: true };
}

async function libraryCheck(name: string, purpose: string, version: () => Promise<string>): Promise<Check> {
  try {
    return { name, ok: true, detail: await version() };
  } catch (error) {
    const why = (error instanceof Error ? error.message : String(error)).split('\n', 1)[0];
    return { name, ok: false, detail: `does not load (${purpose}): ${why}. Install the dependencies again with \`npm ci\`.` };
  }
}

function printReport(terminal: Terminal, report: Report): void {
  const mark = (ok: boolean, optional: boolean): string => (ok ? styled(terminal, 'green', 'ok  ') : optional ? styled(terminal, 'yellow', 'no  ') : styled(terminal, 'red', 'FAIL'));
  const anyEngine = report.engines.some((engine) => engine.works);
  for (const { name, ok, optional, detail } of report.checks) terminal.out(`${mark(ok, optional === true)} ${name}: ${detail}`);
  for (const [number, { name, detail }] of report.devices.entries()) terminal.out(`${mark(true, false)} device ${number}: ${name} (${detail})`);
  const chosen = report.engines.find(({ works, passedOver }) => works && passedOver === undefined);
  for (const engine of report.engines) {
    const { kind, works, detail, rate, passedOver } = engine;
    terminal.out(`${mark(works, anyEngine)} engine ${kind}: ${detail}`);
    const notes = [...(rate ? [rateInWords(rate)] : []), ...(engine === chosen ? ['taken by `engine: auto`'] : []), ...(passedOver === undefined ? [] : [`passed over by \`engine: auto\`: ${passedOver}`])];
    if (notes.length > 0) terminal.out(`     ${notes.join('; ')}`);
  }
  terminal.out(report.ok ? 'Ready to train.' : 'Not ready: see FAIL above.');
}
