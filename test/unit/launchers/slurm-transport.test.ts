import { execFileSync } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { readLog } from '../../../extension/core/launchers/slurm/log';
import { SlurmPoll } from '../../../extension/core/launchers/slurm/poll';
import { findProfile } from '../../../extension/core/launchers/slurm/profiles';
import { shellQuote } from '../../../extension/core/launchers/slurm/quote';
import { sshArguments, transportTo, type Transport } from '../../../extension/core/launchers/slurm/transport';

const path = process.env.PATH;
afterEach(() => {
  process.env.PATH = path;
});

/** A program of this name first on the path. */
async function program(name: string, text: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'mim-program-'));
  await writeFile(join(folder, name), `#!/bin/sh\n${text}\n`);
  await chmod(join(folder, name), 0o755);
  process.env.PATH = `${folder}:${path}`;
}

describe('a word for the other side’s shell', () => {
  it('arrives as it is, whatever it holds', () => {
    const text = fc.string({ unit: 'binary' }).filter((word) => !word.includes('\0') && Buffer.from(word, 'utf8').toString('utf8') === word);
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 4 }), (words) => {
        const line = ['printf', '%s\\0', ...words].map(shellQuote).join(' ');
        expect(execFileSync('sh', ['-c', line], { encoding: 'utf8' })).toBe(words.map((word) => `${word}\0`).join(''));
      }),
      { numRuns: 40 },
    );
  });

  it('is one argument of ssh, after all options', () => {
    const argv = sshArguments('me@login', ['squeue', '--format=%i|%T', "it's"]);
    expect(argv.slice(-3)).toEqual(['--', 'me@login', `squeue '--format=%i|%T' 'it'\\''s'`]);
    expect(argv).toEqual(expect.arrayContaining(['BatchMode=yes', 'ConnectTimeout=10']));
  });
});

describe('a command', () => {
  it('answers with its code and its words', async () => {
    expect(await transportTo(undefined).run(['sh', '-c', 'echo out; echo err >&2; exit 3'])).toEqual({ code: 3, stdout: 'out\n', stderr: 'err\n' });
  });

  it('that is not there is told', async () => {
    await expect(transportTo(undefined).run(['no-such-sbatch'])).rejects.toMatchObject({ code: 'MIM7461' });
  });

  it('that does not answer is told within the time, here and over ssh', async () => {
    await expect(transportTo(undefined, { timeoutMs: 300 }).run(['sleep', '60'])).rejects.toMatchObject({ code: 'MIM7463' });
    await program('ssh', 'exec sleep 60');
    await expect(transportTo('mute', { timeoutMs: 300 }).run(['squeue'])).rejects.toMatchObject({ code: 'MIM7465' });
  });

  it('over an ssh that fails is told apart from one that fails there', async () => {
    await program('ssh', 'echo "Host key verification failed." >&2; exit 255');
    await expect(transportTo('strange').run(['squeue'])).rejects.toMatchObject({ code: 'MIM7464', message: expect.stringContaining('Host key verification failed.') });
    await program('ssh', 'exit 127');
    await expect(transportTo('bare').run(['squeue'])).rejects.toMatchObject({ code: 'MIM7461' });
    await program('ssh', 'echo "invalid partition" >&2; exit 1');
    expect(await transportTo('fine').run(['sbatch'])).toMatchObject({ code: 1, stderr: 'invalid partition\n' });
  });

  it('ends though a child of it keeps its streams open', async () => {
    expect(await transportTo(undefined).run(['sh', '-c', 'echo done; sleep 5 &'])).toMatchObject({ code: 0, stdout: 'done\n' });
  });
});

describe('the poll', () => {
  function asked(answer: () => { code: number; stdout: string; stderr: string }): { transport: Transport; commands: string[] } {
    const commands: string[] = [];
    return { commands, transport: { run: async ([name]) => (commands.push(name!), name === 'sacct' ? { code: 1, stdout: '', stderr: 'accounting is off' } : answer()) } };
  }

  it('asks once for all jobs, and not again within the interval', async () => {
    let now = 0;
    const { transport, commands } = asked(() => ({ code: 0, stdout: '1_0|RUNNING|None|n1\n', stderr: '' }));
    const poll = new SlurmPoll(transport, () => now, 1000);
    await poll.ask(['1', '2']);
    await poll.ask(['1', '2']);
    expect(commands).toEqual(['squeue', 'sacct']);
    now = 1000;
    await poll.ask(['1', '2']);
    // A site without accounts is not asked for them again.
    expect(commands).toEqual(['squeue', 'sacct', 'squeue']);
  });

  it('waits longer after each failure, keeps what it knew, and recovers', async () => {
    let now = 0;
    let fails = false;
    const { transport } = asked(() => (fails ? { code: 1, stdout: '', stderr: 'slurm_load_jobs error: Unable to contact slurm controller' } : { code: 0, stdout: '1_0|RUNNING|None|n1\n', stderr: '' }));
    const poll = new SlurmPoll(transport, () => now, 1000);
    await poll.ask(['1']);
    fails = true;
    for (const wait of [2000, 4000, 8000]) {
      now += poll.waitMs;
      const answer = await poll.ask(['1']);
      expect(answer.failure).toMatchObject({ code: 'MIM7463', message: expect.stringContaining('Unable to contact') });
      expect(answer.tasks.get('1_0')?.state).toBe('RUNNING');
      expect(poll.waitMs).toBe(wait);
    }
    fails = false;
    now += poll.waitMs;
    expect((await poll.ask(['1'])).failure).toBeUndefined();
    expect(poll.waitMs).toBe(1000);
  });
});

describe('a log', () => {
  it('is read on from an offset, in whole lines, and one that is not there yet is empty', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'mim-log-'));
    const file = join(folder, '1_0.log');
    const here = transportTo(undefined);
    expect(await readLog(file, 0, here)).toEqual({ text: '', next: 0 });
    await writeFile(file, 'första\nandr');
    const first = await readLog(file, 0, here);
    expect(first).toEqual({ text: 'första\n', next: 8 });
    await writeFile(file, 'första\nandra\n');
    expect(await readLog(file, first.next, here)).toEqual({ text: 'andra\n', next: 14 });
    await program('ssh', 'for last; do :; done; exec sh -c "$last"');
    const away = transportTo('login');
    const hidden = { ...away, run: (argv: readonly string[]) => away.run(argv.map((word) => (word === '/hidden.log' ? file : word))) };
    expect(await readLog('/hidden.log', 8, hidden)).toEqual({ text: 'andra\n', next: 14 });
    await rm(folder, { recursive: true });
    expect(await readLog('/hidden.log', 0, hidden)).toEqual({ text: '', next: 0 });
  });
});

describe('a profile', () => {
  it('comes from the file, or from the setting, which holds', async () => {
    const home = await mkdtemp(join(tmpdir(), 'mim-config-'));
    const environment = { XDG_CONFIG_HOME: home };
    await expect(findProfile('gpu', environment)).rejects.toMatchObject({ code: 'MIM7466', hint: expect.stringContaining(join(home, 'mim', 'profiles.yaml')) });
    execFileSync('mkdir', [join(home, 'mim')]);
    await writeFile(join(home, 'mim', 'profiles.yaml'), 'gpu: { partition: gpu, cpus: 4 }\ncpu: {}\n');
    expect(await findProfile('gpu', environment)).toEqual({ partition: 'gpu', cpus: 4 });
    expect(await findProfile('gpu', { ...environment, MIM_PROFILES: '{"gpu":{"cpus":8}}' })).toEqual({ cpus: 8 });
    await expect(findProfile('gpx', environment)).rejects.toMatchObject({ hint: expect.stringContaining('gpu, cpu') });
  });

  it('that is damaged is told with its place', async () => {
    const home = await mkdtemp(join(tmpdir(), 'mim-config-'));
    execFileSync('mkdir', [join(home, 'mim')]);
    await writeFile(join(home, 'mim', 'profiles.yaml'), 'gpu: { partitio: gpu }\n');
    await expect(findProfile('gpu', { XDG_CONFIG_HOME: home })).rejects.toMatchObject({ code: 'MIM7466', message: expect.stringMatching(/profiles\.yaml.*gpu.*partitio/) });
  });
});
