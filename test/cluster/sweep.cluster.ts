import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { control, concerned } from '../../extension/core/launchers/slurm/control';
import { slurmFolder } from '../../extension/core/launchers/slurm/submission';
import { listRuns } from '../../extension/core/runs/list-runs';
import { ensureBuilt } from '../unit/cli/built-mim';
import { SlurmCluster } from './slurm-cluster';
import { LONG, Study } from './study';

let cluster: SlurmCluster;
beforeAll(async () => {
  ensureBuilt();
  process.env.MIM_BUSY_SECONDS = '2';
  cluster = await SlurmCluster.start();
});
afterAll(() => cluster?.stop());

describe('a sweep of 8 cells on two nodes', () => {
  it('is whole after a preemption, a dead node, a time limit and a cancellation', async () => {
    const study = await Study.make(`{ grid: { schedule.epochs: [4, ${LONG}] }, seeds: 4 }`, { kind: 'slurm', partition: 'low', cpus: 1, memory: 100, signal_before: 55 });
    const job = (await study.submit())!;
    const [preempted, killed, limited, cancelled] = [4, 5, 6, 7];
    const nodeOf = async (cell: number): Promise<string> => (await study.row(cell)).node!;
    const requeued = async (cell: number): Promise<boolean> => (await study.row(cell)).requeues > 0 || (await study.row(cell)).state === 'requeued';

    for (const cell of [preempted, killed, limited, cancelled]) study.keepHeld(cell);
    await study.holdAtWork(cluster, preempted);
    await cluster.preempt(await nodeOf(preempted));
    await cluster.until('the preempted cell waits anew', () => requeued(preempted));
    expect(await study.submit(), 'what is in the cluster is not submitted again').toBeUndefined();

    await study.holdAtWork(cluster, killed);
    const dead = await nodeOf(killed);
    await study.letGo(killed);
    const before = await study.step(killed);
    await cluster.until('the cell trains on', async () => (await study.step(killed)) > before, 60_000, 50);
    cluster.killNode(dead);

    await study.holdAtWork(cluster, limited);
    await cluster.command('scontrol', 'update', `JobId=${job}_${limited}`, 'TimeLimit=1');
    await cluster.until('the dead node’s cell waits anew', () => requeued(killed));
    cluster.startNode(dead);
    await cluster.until('the cell at its time limit was stopped and waits anew', () => requeued(limited));
    await cluster.command('scontrol', 'update', `JobId=${job}_${limited}`, 'TimeLimit=UNLIMITED');

    await study.holdAtWork(cluster, cancelled);
    await control('cancel', concerned([await study.row(cancelled)], 'cancel'), slurmFolder(study.runs, study.record.name));
    await cluster.until('the cancelled cell is known as such', async () => (await study.row(cancelled)).state === 'cancelled');

    await cluster.until('all others are done', async () => (await study.rows()).every(({ state, index }) => index === cancelled || state === 'done'), 240_000);
    expect((await study.row(cancelled)).state).toBe('cancelled');
    await study.submit();
    await cluster.until('the cancelled cell is done too', async () => (await study.row(cancelled)).state === 'done', 180_000);

    const rows = await study.rows();
    expect(rows.map(({ state }) => state)).toEqual(Array<string>(8).fill('done'));
    expect(rows.filter(({ requeues }) => requeues > 0).map(({ index }) => index)).toEqual([preempted, killed, limited, cancelled]);
    expect(await listRuns(study.runs)).toHaveLength(8);
    for (let cell = 0; cell < 8; cell++) await study.expectWhole(cell);
    await Promise.all([preempted, killed].map((cell) => study.expectAsUninterrupted(cell)));
    await Promise.all([limited, cancelled].map((cell) => study.expectAsUninterrupted(cell)));
  });
});
