import { chmod, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readHistory, slurmFolder } from '../../extension/core/launchers/slurm/submission';
import { ensureBuilt, startMim } from '../unit/cli/built-mim';
import { SlurmCluster } from './slurm-cluster';
import { startSshServer, type SshServer } from './ssh-server';
import { LONG, Study } from './study';

let cluster: SlurmCluster;
let server: SshServer;
beforeAll(async () => {
  ensureBuilt();
  process.env.MIM_BUSY_SECONDS = '2';
  cluster = await SlurmCluster.start();
  server = await startSshServer(cluster.conf);
});
afterAll(async () => {
  await server?.stop();
  await cluster?.stop();
});

const single = `{ grid: { schedule.epochs: [${LONG}] }, seeds: 1 }`;
const short = '{ grid: { schedule.epochs: [4] }, seeds: 2 }';

describe('a site that does not requeue', () => {
  it('gets the cell again as a job of its own', async () => {
    const study = await Study.make(single, { kind: 'slurm', partition: 'cancel', cpus: 1, sbatch: ['--no-requeue'] });
    const job = (await study.submit())!;
    await study.holdAtWork(cluster, 0);
    await cluster.preempt((await study.row(0)).node!);
    await cluster.until('the cell is submitted again', async () => (await readHistory(slurmFolder(study.runs, 'study'), 0)).some(({ event }) => event === 'resubmitted'));
    await cluster.until('it is done', async () => (await study.row(0)).state === 'done');
    const row = await study.row(0);
    expect(row.task).not.toBe(`${job}_0`);
    expect(row.requeues).toBe(1);
    await study.expectWhole(0);
  });
});

describe('a grace period', () => {
  it('is used for a checkpoint, and the script asks for the requeue', async () => {
    const study = await Study.make(single, { kind: 'slurm', partition: 'grace', cpus: 1 });
    await study.submit();
    await study.holdAtWork(cluster, 0);
    await cluster.preempt((await study.row(0)).node!);
    await cluster.until('it is done after a second start', async () => (await study.row(0)).state === 'done' && (await study.row(0)).requeues > 0);
    await study.expectWhole(0);
  });
});

describe('a node whose daemon dies while its cell goes on', () => {
  it('does not have the cell trained twice', async () => {
    const study = await Study.make(single, { kind: 'slurm', partition: 'low', cpus: 1 });
    await study.submit();
    await study.holdAtWork(cluster, 0);
    const node = (await study.row(0)).node!;
    cluster.killDaemon(node);
    const folder = slurmFolder(study.runs, 'study');
    await cluster.until('the requeued task has found the cell busy', async () => /not free/.test(await readFile((await study.row(0)).log!, 'utf8')));
    expect((await readHistory(folder, 0)).filter(({ event }) => event === 'start')).toHaveLength(2);
    await study.letGo(0);
    await cluster.until('both are at their end', async () => (await study.row(0)).state === 'done' && (await readHistory(folder, 0)).filter(({ event, code }) => event === 'end' && code === 0).length === 2);
    cluster.startNode(node);
    await study.expectWhole(0);
    await cluster.until('both nodes are there again', async () => !/down|drain/i.test((await cluster.command('sinfo', '--noheader', '--format=%T')).stdout));
  });
});

describe('over ssh', () => {
  it('a sweep is submitted, watched and done', async () => {
    const study = await Study.make(short, { kind: 'slurm', host: 'mim-login', partition: 'low', cpus: 1 });
    await server.use(async () => {
      const job = await study.submit();
      expect(job).toMatch(/^\d+$/);
      await cluster.until('both cells are done', async () => (await study.rows()).every(({ state }) => state === 'done'));
      expect(await study.row(0)).toMatchObject({ host: 'mim-login', task: `${job}_0` });
    });
  });

  it('a runs folder that is not seen there is told', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'mim-blind-'));
    // A login node of which only `test` is asked, and which sees nothing.
    await writeFile(join(folder, 'ssh'), '#!/bin/sh\nexit 1\n');
    await chmod(join(folder, 'ssh'), 0o755);
    await expectRefusal({ PATH: `${folder}:${process.env.PATH}` }, 'launcher: { kind: slurm, host: elsewhere }', 'MIM7467', 1);
  });
});

/** What `mim sweep` says, and that it says it within seconds. */
async function expectRefusal(environment: Record<string, string>, launcher: string, code: string, exit: number): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'mim refused '));
  const config = join(folder, 'study.mim.yaml');
  const text = (await Study.make(short, { kind: 'slurm' })).text;
  await writeFile(config, `${text}${launcher}\n`);
  const startedAt = Date.now();
  const mim = startMim(['sweep', config], environment);
  const end = await mim.ended;
  expect(mim.stderr()).toContain(code);
  expect(mim.stderr()).not.toMatch(/^\s+at /m);
  expect(end.code).toBe(exit);
  expect(Date.now() - startedAt).toBeLessThan(60_000);
  return mim.stderr();
}

describe('bad input is told within seconds', () => {
  it('an unknown partition', async () => {
    expect(await expectRefusal({}, 'launcher: { kind: slurm, partition: nowhere }', 'MIM7462', 1)).toMatch(/invalid partition.*nowhere[^]*sinfo -s/i);
  });

  it('no sbatch', async () => {
    expect(await expectRefusal({ PATH: '/nonexistent' }, 'launcher: slurm', 'MIM7461', 1)).toMatch(/There is no (sbatch|squeue)/);
  });

  it('a work directory that is not there', async () => {
    await expectRefusal({}, 'launcher: { kind: slurm, work_dir: /nowhere/at/all }', 'MIM7472', 2);
  });

  it('a profile that is not there', async () => {
    await expectRefusal({ XDG_CONFIG_HOME: '/nowhere' }, 'launcher: { kind: slurm, profile: gpu }', 'MIM7466', 2);
  });

  it('a login node that does not answer', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'mim-mute-'));
    await writeFile(join(folder, 'ssh'), '#!/bin/sh\nexec sleep 600\n');
    await chmod(join(folder, 'ssh'), 0o755);
    await expectRefusal({ PATH: `${folder}:${process.env.PATH}` }, 'launcher: { kind: slurm, host: mute }', 'MIM7465', 1);
  });

  it('a controller that is gone', async () => {
    const conf = join(await mkdtemp(join(tmpdir(), 'mim-gone-')), 'slurm.conf');
    await writeFile(conf, (await readFile(cluster.conf, 'utf8')).replace(/SlurmctldPort=\d+/, 'SlurmctldPort=1'));
    await expectRefusal({ SLURM_CONF: conf }, 'launcher: slurm', 'MIM7463', 1);
  });
});
