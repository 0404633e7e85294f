/** The queue of the built program, whose supervisor and jobs are killed. */
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { QueueState } from '../../extension/core/queue/entry';
import { ensureBuilt, startMim, type RunningMim } from '../unit/cli/built-mim';
import { fastFolder } from './fast-folder';
import { tinyExperiment } from './queue-experiment';

let folder: string;
const supervisors: RunningMim[] = [];
beforeAll(ensureBuilt);
beforeEach(async () => {
  folder = await fastFolder('mim-queue-');
});
afterEach(async () => {
  for (const { process: child } of supervisors.splice(0)) child.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

const environment = (): Record<string, string> => ({ MIM_QUEUE: join(folder, 'queue') });

async function mim(...args: string[]): Promise<string> {
  const running = startMim(args, environment());
  const { code } = await running.ended;
  expect(code, running.stderr()).toBe(0);
  return running.stdout();
}

async function state(): Promise<QueueState> {
  return JSON.parse(await mim('queue', 'list', '--json')) as QueueState;
}

function supervise(...args: string[]): RunningMim {
  const supervisor = startMim(['queue', 'run', ...args], environment());
  supervisors.push(supervisor);
  return supervisor;
}

const linesWith = (text: string, pattern: RegExp): number => text.split('\n').filter((line) => pattern.test(line)).length;

describe('fifty jobs whose supervisor is killed three times', () => {
  it('are each run once', { timeout: 400_000 }, async () => {
    const names = Array.from({ length: 50 }, (_, index) => `job-${index}`);
    for (const [index, name] of names.entries()) await writeFile(join(folder, `${name}.mim.yaml`), tinyExperiment({ name, seed: index }));
    await mim('queue', 'add', '--no-start', ...names.map((name) => join(folder, `${name}.mim.yaml`)));

    const done = (supervisor: RunningMim): number => linesWith(supervisor.stdout(), /: done$/);
    for (const share of [5, 12, 3]) {
      const supervisor = supervise('--threads', '3');
      while (done(supervisor) < share) await new Promise((resolve) => setTimeout(resolve, 20));
      supervisor.process.kill('SIGKILL');
      await supervisor.ended;
    }
    const last = supervise('--threads', '3');
    expect((await last.ended).code, last.stderr()).toBe(0);

    const { entries } = await state();
    expect(entries.map(({ state: of, attempts }) => [of, attempts])).toEqual(names.map(() => ['done', 1]));
    expect((await readdir(join(folder, 'runs'))).sort()).toEqual([...names].sort());
    for (const name of names) {
      const run = join(folder, 'runs', name);
      expect(linesWith(await readFile(join(run, 'metrics.jsonl'), 'utf8'), /"step"/), name).toBe(2);
      expect(linesWith(await readFile(join(run, 'log.txt'), 'utf8'), /Training images:/), name).toBe(1);
      expect(JSON.parse(await readFile(join(run, 'status.json'), 'utf8')), name).toMatchObject({ state: 'finished', step: 2 });
    }
  });
});
