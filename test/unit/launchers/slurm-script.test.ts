import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { slurmLauncherSchema, slurmOptions } from '../../../extension/core/launchers/slurm/options';
import { arrayRange, jobScript, type ScriptPlan } from '../../../extension/core/launchers/slurm/script';

const everything = slurmLauncherSchema.parse({
  kind: 'slurm', partition: 'gpu', account: 'lab', qos: 'long', constraint: 'a100', gres: 'gpu:1', cpus: 4, memory: '8G', time: '1-00:00:00', array_throttle: 3,
  signal_before: 300, max_requeues: 7, modules: ['nodejs/20'], setup: ['export TMPDIR=/scratch/$USER'], container: ['apptainer', 'exec', '--bind', '/data set', 'mim.sif'], sbatch: ['--exclusive'],
});

const plan = (options: ScriptPlan['options'], more: Partial<ScriptPlan> = {}): ScriptPlan => ({
  sweepName: 'study', sweepFile: '/r u/.mim/sweeps/study.json', folder: '/r u/.mim/sweeps/study/slurm', script: '/r u/.mim/sweeps/study/slurm/job.sh', cells: [0, 1, 2, 5], workDir: '/r u', node: '/usr/bin/node', mim: '/opt/mim.mjs', retry: false, options, ...more,
});

describe('the job script', () => {
  it('is this text', async () => {
    await expect(jobScript(plan(slurmOptions(everything)))).toMatchFileSnapshot('fixtures/job.sh');
  });

  it('asks for nothing that was not given', () => {
    const lines = jobScript(plan(slurmOptions({ kind: 'slurm' }))).split('\n').filter((line) => line.startsWith('#SBATCH'));
    expect(lines.map((line) => line.split(/[=\s]/)[1])).toEqual(['--job-name', '--array', '--nodes', '--ntasks', '--signal', '--open-mode', '--chdir', '--output', '--requeue']);
  });

  it('leaves a cell stopped where it may not be requeued', () => {
    expect(jobScript(plan(slurmOptions({ kind: 'slurm', requeue: 'never' })))).toContain('#SBATCH --no-requeue\n');
  });

  it('keeps a percent sign of a path from Slurm', () => {
    expect(jobScript(plan(slurmOptions({ kind: 'slurm' }), { folder: '/100%' }))).toContain('#SBATCH --output=/100%%/%A_%a.log');
  });

  it('takes the keys of the experiment over those of the profile', () => {
    expect(slurmOptions({ kind: 'slurm', profile: 'gpu', cpus: 2 }, { kind: 'slurm', cpus: 8, partition: 'gpu' })).toEqual({ signal_before: 120, requeue: 'auto', max_requeues: 100, cpus: 2, partition: 'gpu' });
  });
});

describe('an array', () => {
  it('is written as ranges', () => {
    expect(arrayRange([5, 0, 1, 2, 7, 8])).toBe('0-2,5,7-8');
    expect(arrayRange([3])).toBe('3');
  });
});

describe('by hand', () => {
  /** A program in place of node that says its arguments and ends as told. */
  async function byHand(code: number, options: Parameters<typeof slurmOptions>[0], args: readonly string[], environment: Record<string, string> = {}): Promise<{ code: number; stdout: string; stderr: string; folder: string }> {
    const folder = await mkdtemp(join(tmpdir(), 'mim by hand '));
    const program = join(folder, 'no de');
    await writeFile(program, `#!/bin/bash\nprintf '[%s]' "$@"\necho " threads $MIM_THREADS"\nexit ${code}\n`);
    await chmod(program, 0o755);
    const script = join(folder, 'job.sh');
    await writeFile(script, jobScript(plan(slurmOptions(options), { folder, script, node: program })));
    const ended = await promisify(execFile)('bash', [script, ...args], { env: { PATH: process.env.PATH!, ...environment } }).then(
      (told) => ({ code: 0, ...told }),
      (error: { code: number; stdout: string; stderr: string }) => ({ code: error.code, stdout: error.stdout, stderr: error.stderr }),
    );
    return { ...ended, folder };
  }

  it('it runs the cell that is named, and ends as it does', async () => {
    expect(await byHand(0, { kind: 'slurm', cpus: 2 }, ['3'])).toMatchObject({ code: 0, stdout: '[/opt/mim.mjs][cell][/r u/.mim/sweeps/study.json][3] threads 2\n' });
    expect(await byHand(3, { kind: 'slurm' }, ['0'])).toMatchObject({ code: 3 });
    expect(await byHand(5, { kind: 'slurm' }, ['0'])).toMatchObject({ code: 5 });
  });

  it('it asks which cell', async () => {
    expect(await byHand(0, { kind: 'slurm' }, [])).toMatchObject({ code: 2, stderr: expect.stringContaining('INDEX') });
  });

  it('a setup that fails starts nothing, and is written down in an array', async () => {
    const failed = await byHand(0, { kind: 'slurm', setup: ['echo ready', 'false', 'echo never'] }, [], { SLURM_ARRAY_JOB_ID: '12', SLURM_ARRAY_TASK_ID: '4', SLURMD_NODENAME: 'n1' });
    expect(failed).toMatchObject({ code: 1, stdout: 'ready\n', stderr: expect.stringContaining('the setup failed') });
    const events = (await readFile(join(failed.folder, '4.history.jsonl'), 'utf8')).trimEnd().split('\n').map((line) => JSON.parse(line) as object);
    expect(events).toMatchObject([{ event: 'end', task: '12_4', node: 'n1', code: 1, message: 'the setup of the job failed' }]);
  });

  it('an array’s task is written down with its starts', async () => {
    const done = await byHand(0, { kind: 'slurm' }, [], { SLURM_ARRAY_JOB_ID: '12', SLURM_ARRAY_TASK_ID: '4', SLURMD_NODENAME: 'n1', SLURM_RESTART_COUNT: '2' });
    const events = (await readFile(join(done.folder, '4.history.jsonl'), 'utf8')).trimEnd().split('\n').map((line) => JSON.parse(line) as object);
    expect(events).toMatchObject([{ event: 'start', task: '12_4', restarts: 2, at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/) }, { event: 'end', code: 0 }]);
  });
});
