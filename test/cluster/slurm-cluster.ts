/** A Slurm of two nodes on this machine, in a temporary folder on free ports: any number of them live side by side. */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { hostname, tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ensureSlurm, PATH, programPath } from './obtain';

export interface Told {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Partitions: `low` is preempted by requeue, `cancel` by cancellation, `grace` by requeue after some seconds, and `high`
 * preempts them all.
 */
export class SlurmCluster {
  private readonly daemons = new Map<string, ChildProcess>();
  readonly nodes: readonly [string, string];
  readonly conf: string;

  private constructor(
    readonly folder: string,
    private readonly ports: readonly number[],
  ) {
    this.nodes = [`mim${ports[1]}a`, `mim${ports[2]}b`];
    this.conf = join(folder, 'slurm.conf');
  }

  /** Sets SLURM_CONF and PATH of this process, which its children inherit. */
  static async start(): Promise<SlurmCluster> {
    ensureSlurm();
    const folder = await mkdtemp(join(tmpdir(), 'mim-slurm-'));
    const cluster = new SlurmCluster(folder, [await freePort(), await freePort(), await freePort()]);
    await writeFile(cluster.conf, cluster.configuration());
    for (const name of ['state', ...cluster.nodes]) mkdirSync(join(folder, name));
    Object.assign(process.env, { SLURM_CONF: cluster.conf, PATH });
    cluster.daemon('slurmctld', 'slurmctld', ['-D', '-i']);
    for (const node of cluster.nodes) cluster.startNode(node);
    try {
      await cluster.until('both nodes are idle', async () => (await cluster.command('sinfo', '--noheader', '--Node', '--partition=low', '--format=%T')).stdout.split('\n').filter((line) => line === 'idle').length === 2, 60_000);
    } catch (error) {
      const logs = ['slurmctld', ...cluster.nodes].map((name) => `--- ${name}\n${readLogEnd(join(folder, `${name}.log`))}`).join('\n');
      await cluster.stop();
      throw new Error(`Slurm did not start on this machine: ${(error as Error).message}\n${logs}`);
    }
    return cluster;
  }

  startNode(node: string): void {
    this.daemon(node, 'slurmd', ['-D', '-N', node]);
  }

  /** As when the machine loses its power: nothing of it says goodbye. */
  killNode(node: string): void {
    this.daemons.get(node)?.kill('SIGKILL');
    this.killJobs(`SLURMD_NODENAME=${node}\0`);
  }

  /** Jobs with this in their environment, and first the `slurmstepd` that would tell of their end. */
  private killJobs(variable: string): void {
    const jobs = processes().filter(({ environment }) => environment.includes('SLURM_JOB_ID=') && environment.includes(variable) && environment.includes(`SLURM_CONF=${this.conf}\0`));
    const own = new Set(jobs.map(({ pid }) => pid));
    const keepers = jobs.map(({ parent }) => parent).filter((pid) => !own.has(pid) && pid > 1 && commandOf(pid).includes('slurmstepd'));
    for (const pid of [...new Set(keepers), ...own]) kill(pid);
  }

  /** The node's daemon alone: what it started goes on without it. */
  killDaemon(node: string): void {
    this.daemons.get(node)?.kill('SIGKILL');
  }

  async command(program: string, ...args: readonly string[]): Promise<Told> {
    return promisify(execFile)(program, args, { env: process.env, timeout: 60_000 }).then(
      ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
      (error: { code?: number; stdout?: string; stderr?: string }) => ({ code: typeof error.code === 'number' ? error.code : 1, stdout: error.stdout ?? '', stderr: error.stderr ?? String(error) }),
    );
  }

  /** Of a task, `1234_5`: Slurm's word, undefined where it has forgotten it. */
  async stateOf(task: string): Promise<string | undefined> {
    const { stdout } = await this.command('squeue', '--array', '--noheader', '--states=all', '--format=%i|%T');
    return stdout.split('\n').find((line) => line.startsWith(`${task}|`))?.split('|')[1];
  }

  /** @param everyMs between two looks; those that ask Slurm cost a process */
  async until(what: string, holds: () => Promise<boolean> | boolean, timeoutMs = 240_000, everyMs = 1_000): Promise<void> {
    const end = Date.now() + timeoutMs;
    while (!(await holds())) {
      if (Date.now() > end) {
        const queue = await this.command('squeue', '--array', '--states=all', '--format=%i %P %T %r %N');
        throw new Error(`waited ${timeoutMs / 1000} s and it is not so that ${what}\n${queue.stdout}${queue.stderr}`);
      }
      await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
  }

  /** Takes the node of a cell away for a moment, by a job that may do so. */
  async preempt(node: string): Promise<void> {
    await this.command('sbatch', '--partition=high', '--nodes=1', '--ntasks=1', `--nodelist=${node}`, '--output=/dev/null', '--wrap=sleep 3');
  }

  async stop(): Promise<void> {
    for (const daemon of this.daemons.values()) daemon.kill('SIGKILL');
    this.killJobs('');
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 500 });
  }

  async log(name: string): Promise<string> {
    return readFile(join(this.folder, `${name}.log`), 'utf8');
  }

  private daemon(name: string, program: string, args: readonly string[]): void {
    const log = openSync(join(this.folder, `${name}.log`), 'a');
    this.daemons.set(name, spawn(programPath(program)!, args, { stdio: ['ignore', log, log], env: process.env }));
  }

  /** `cred_expire` is also what a requeued job waits; the timeouts are short so that a node is known to be dead soon. */
  private configuration(): string {
    const { folder, nodes, ports } = this;
    const host = hostname();
    const user = userInfo().username;
    return `ClusterName=mim${ports[0]}
SlurmctldHost=${host}(127.0.0.1)
SlurmctldPort=${ports[0]}
SlurmUser=${user}
SlurmdUser=${user}
AuthType=auth/none
CredType=cred/none
AuthInfo=cred_expire=5
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
JobCompType=jobcomp/none
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
ReturnToService=2
SlurmdTimeout=10
SlurmctldTimeout=10
MessageTimeout=10
KillWait=20
MinJobAge=300
SchedulerParameters=bf_interval=1,batch_sched_delay=0,sched_min_interval=100000
StateSaveLocation=${join(folder, 'state')}
SlurmdSpoolDir=${folder}/%n
SlurmctldPidFile=${join(folder, 'slurmctld.pid')}
SlurmdPidFile=${folder}/%n.pid
NodeName=${nodes[0]} NodeHostname=${host} NodeAddr=127.0.0.1 Port=${ports[1]} CPUs=1 RealMemory=500
NodeName=${nodes[1]} NodeHostname=${host} NodeAddr=127.0.0.1 Port=${ports[2]} CPUs=1 RealMemory=500
PartitionName=low Nodes=ALL Default=YES PriorityTier=1
PartitionName=cancel Nodes=ALL PriorityTier=1 PreemptMode=CANCEL
PartitionName=grace Nodes=ALL PriorityTier=1 GraceTime=20
PartitionName=high Nodes=ALL PriorityTier=10 PreemptMode=OFF
`;
  }
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

interface FoundProcess {
  readonly pid: number;
  readonly parent: number;
  readonly environment: string;
}

function processes(): FoundProcess[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1');
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
      return [{ pid: Number(name), parent, environment: readFileSync(`/proc/${name}/environ`, 'latin1') }];
    } catch {
      return [];
    }
  });
}

function commandOf(pid: number): string {
  return readLogEnd(`/proc/${pid}/cmdline`);
}

function readLogEnd(file: string): string {
  try {
    return existsSync(file) ? readFileSync(file, 'utf8').slice(-3000) : '';
  } catch {
    return '';
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}
