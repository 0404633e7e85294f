/** The cells of a frozen sweep → one job array. */
import { access, constants } from 'node:fs/promises';
import path from 'node:path';
import { writeFileAtomically } from '../../files/durable-files';
import { UserError } from '../../problems';
import { sweepFile } from '../../sweeps/record';
import type { Submission } from '../launcher';
import { parseSubmitted, parseSqueue, squeueArguments, submitArguments } from './commands';
import { slurmOptions, type SlurmLauncher, type SlurmOptions } from './options';
import { findProfile } from './profiles';
import { jobScript, type ScriptPlan } from './script';
import { prepareFolder, readHistory, readSubmissions, slurmFolder, tasksOf, writeSubmission, type Submitted } from './submission';
import { lastLine, transportTo, type Transport } from './transport';

export interface SlurmRequest {
  readonly sweepName: string;
  /** The runs folder, absolute. */
  readonly runs: string;
  readonly launcher: SlurmLauncher;
  /** Run failed cells anew. */
  readonly retry?: boolean;
  /** The programs that run a cell, where the launcher names none. */
  readonly node: string;
  readonly mim: string;
}

/** Options of the experiment over those of its profile. @throws UserError MIM7466 */
export async function resolveOptions(launcher: SlurmLauncher): Promise<SlurmOptions> {
  return slurmOptions(launcher, launcher.profile === undefined ? undefined : await findProfile(launcher.profile));
}

/** @param stamp names the script within its folder */
export function planScript({ sweepName, runs, node, mim, retry = false }: SlurmRequest, options: SlurmOptions, cells: readonly number[], stamp: string): ScriptPlan {
  const folder = slurmFolder(runs, sweepName);
  return {
    sweepName,
    sweepFile: sweepFile(runs, sweepName),
    folder,
    script: path.join(folder, `${stamp}.sh`),
    cells,
    workDir: options.work_dir ?? runs,
    node: options.node ?? node,
    mim: options.mim ?? mim,
    retry,
    options,
  };
}

/**
 * Submits those cells that no task of the sweep waits for or works on already.
 *
 * @throws UserError MIM7461, MIM7463–MIM7465 (Slurm or the login node cannot be asked), MIM7462 (sbatch refuses), MIM7466 (no such
 *   profile), MIM7467 (the login node does not see the runs folder), MIM7472 (the work folder), MIM7001, MIM7002
 */
export async function submitCells(request: SlurmRequest, cells: readonly number[], transport?: Transport): Promise<Submission> {
  const options = await resolveOptions(request.launcher);
  const slurm = transport ?? transportTo(options.host);
  const folder = slurmFolder(request.runs, request.sweepName);
  await prepareFolder(folder);
  await checkPlaces(request, options, slurm);
  const already = await cellsInCluster(folder, slurm);
  const wanted = cells.filter((cell) => !already.has(cell));
  if (wanted.length === 0) return { jobs: [], cells: [], already: cells };
  const plan = planScript(request, options, wanted, new Date().toISOString().replace(/[:.]/g, '-'));
  await writeFileAtomically(plan.script, jobScript(plan));
  const job = await submit(plan.script, slurm);
  const submission: Submitted = { job, sweep: request.sweepName, ...(options.host !== undefined && { host: options.host }), submittedAt: new Date().toISOString(), cells: wanted, script: plan.script };
  await writeSubmission(folder, submission);
  return { jobs: [job], cells: wanted, already: cells.filter((cell) => already.has(cell)) };
}

/** Slurm would run the job elsewhere, silently, where its folder is not there. */
async function checkPlaces({ runs, sweepName }: SlurmRequest, { work_dir: workDir }: SlurmOptions, { host, run }: Transport): Promise<void> {
  if (host !== undefined) {
    const file = sweepFile(runs, sweepName);
    const { code } = await run(['test', '-f', file]);
    if (code !== 0) throw new UserError('MIM7467', `${host} does not see ${file}.`, 'The runs folder must lie on a file system that this machine, the login node and the compute nodes see under the same path; runs that exist only there are not supported yet. Set `runs` to such a folder, or work on the login node itself.');
    if (workDir !== undefined && (await run(['test', '-w', workDir])).code !== 0) throw noWorkDir(workDir, ` on ${host}`);
  } else if (workDir !== undefined) {
    await access(workDir, constants.W_OK).catch(() => {
      throw noWorkDir(workDir, '');
    });
  }
}

function noWorkDir(workDir: string, where: string): UserError {
  return new UserError('MIM7472', `launcher.work_dir: ${workDir} is not a folder that can be written${where}.`, 'Make it, or remove the key: the job then runs in the runs folder.', 2);
}

const OVER: ReadonlySet<string> = new Set(['BOOT_FAIL', 'CANCELLED', 'COMPLETED', 'DEADLINE', 'FAILED', 'NODE_FAIL', 'OUT_OF_MEMORY', 'PREEMPTED', 'REVOKED', 'TIMEOUT']);

/** Cells with a task that Slurm has not ended. */
async function cellsInCluster(folder: string, { run }: Transport): Promise<Set<number>> {
  const { code, stdout, stderr } = await run(squeueArguments());
  if (code !== 0) throw new UserError('MIM7463', `squeue failed: ${lastLine(stderr) ?? `exit code ${code}`}`, 'Slurm’s controller may be down or busy: `scontrol ping` tells. Try again later.');
  const alive = new Set(parseSqueue(stdout).filter(({ state }) => !OVER.has(state)).map(({ task }) => task));
  const submissions = await readSubmissions(folder);
  const cells = new Set<number>();
  for (const cell of new Set(submissions.flatMap((submission) => submission.cells))) {
    if (tasksOf(cell, submissions, await readHistory(folder, cell)).some(({ task }) => alive.has(task))) cells.add(cell);
  }
  return cells;
}

async function submit(script: string, { run }: Transport): Promise<string> {
  const { code, stdout, stderr } = await run(submitArguments(script));
  const job = code === 0 ? parseSubmitted(stdout) : undefined;
  if (job === undefined) throw refused(stderr || stdout, script);
  return job;
}

/** What Slurm says, and what is probably meant. */
function refused(said: string, script: string): UserError {
  const why = said.split('\n').map((line) => line.replace(/^sbatch: (error: )?/, '').trim()).filter((line) => line !== '');
  const hints: [RegExp, string][] = [
    [/invalid partition/i, '`sinfo -s` lists the partitions: set launcher.partition.'],
    [/invalid account|account\/partition/i, '`sacctmgr show associations user=$USER` lists the accounts: set launcher.account.'],
    [/invalid qos/i, '`sacctmgr show qos` lists them: set launcher.qos.'],
    [/invalid generic resource|gres/i, '`sinfo -o "%P %G"` lists them: set launcher.gres.'],
    [/array/i, 'The site allows smaller arrays: `scontrol show config | grep MaxArraySize`.'],
    [/node configuration|memory|cpu count|time limit/i, 'No node offers that much: `sinfo -o "%P %c %m %l"` shows what there is.'],
  ];
  const hint = hints.find(([pattern]) => pattern.test(said))?.[1] ?? 'It is Slurm’s answer; the script can be tried with `sbatch --test-only`.';
  return new UserError('MIM7462', `sbatch refused the job: ${why.join(' ') || 'it gives no reason'}`, `${hint} Script: ${script}`);
}
