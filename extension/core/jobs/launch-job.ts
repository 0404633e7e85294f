/** A job's folder → its worker, a detached process. */
import { spawn, type ChildProcess } from 'node:child_process';
import { open } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { errorCode, writeFileAtomically } from '../files/durable-files';
import { UserError } from '../problems';
import { identify } from '../runs/processes';
import { argumentsOf, placeOf } from './arguments';
import type { JobSpec } from './job';
import { JOB_VARIABLE, type ExitRecord, type JobRecord } from './job-files';

/** What runs `mim`: `node` and `dist/mim.mjs`, to which the arguments of a job are added. */
export interface JobCommand {
  readonly executable: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Starts the worker of a job in a folder that is there. The intention is written down before the process begins, and which
 * process it is right after.
 * @returns the process, which goes on without this one
 * @throws UserError MIM7302, after which the folder says so
 */
export async function launchJob(folder: string, spec: JobSpec, command: JobCommand): Promise<ChildProcess> {
  const record: JobRecord = { spec, argv: [command.executable, ...command.args, ...argumentsOf(spec)], startedAt: new Date().toISOString(), host: os.hostname() };
  await writeJobFile(folder, 'job.json', record);
  const child = await spawnWorker(folder, record, command.env);
  await writeJobFile(folder, 'job.json', { ...record, process: await identify(child.pid!) });
  return child;
}

async function spawnWorker(folder: string, { spec, argv }: JobRecord, environment: JobCommand['env']): Promise<ChildProcess> {
  const log = await open(path.join(folder, 'output.log'), 'a');
  try {
    const env = { ...process.env, ...environment, [JOB_VARIABLE]: folder };
    const child = spawn(argv[0]!, argv.slice(1), { detached: true, windowsHide: true, stdio: ['ignore', log.fd, log.fd], cwd: placeOf(spec).cwd, env });
    await started(child);
    child.unref();
    return child;
  } catch (error) {
    const message = `${argv[0]} cannot be started (${errorCode(error) ?? String(error)}).`;
    await writeJobFile(folder, 'exit.json', { state: 'failed', message, at: new Date().toISOString() });
    throw new UserError('MIM7302', message, 'Check the path of the Node.js that runs `mim`.');
  } finally {
    await log.close();
  }
}

function started(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
}

async function writeJobFile(folder: string, name: string, record: JobRecord | ExitRecord): Promise<void> {
  await writeFileAtomically(path.join(folder, name), `${JSON.stringify(record, null, 2)}\n`);
}
