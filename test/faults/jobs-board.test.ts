/** Jobs whose window closes, whose worker is killed or cannot start: with a small worker in place of `mim`. */
import { execFileSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createJobBoard } from '../../extension/core/jobs/board';
import type { Job, JobBoard } from '../../extension/core/jobs/job';
import { readJobRecord } from '../../extension/core/jobs/job-files';
import { ensureBuilt } from '../unit/cli/built-mim';

/** Begins as `mim` does, and then waits. */
const waiting = `
import { writeFileSync } from 'node:fs';
writeFileSync(process.env.MIM_JOB + '/worker.json', JSON.stringify({ pid: process.pid }));
writeFileSync(process.env.MIM_JOB + '/run.json', JSON.stringify({ run: '/runs/of-nobody' }));
setInterval(() => undefined, 1000);
`;

let folder: string;
let config: string;
const started: number[] = [];
const boards: JobBoard[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mim-jobs-'));
  config = join(folder, 'a.mim.yaml');
  await writeFile(config, 'mim: 1\nmethod: nothing\n');
});
afterEach(async () => {
  for (const board of boards.splice(0)) board.dispose();
  for (const pid of started.splice(0)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  }
  await rm(folder, { recursive: true, force: true });
});

async function boardOf(program: string, executable = process.execPath): Promise<JobBoard> {
  const file = join(folder, 'worker.mjs');
  await writeFile(file, program);
  return boardOn([file], executable);
}

function boardOn(args: readonly string[], executable = process.execPath): JobBoard {
  const board = createJobBoard({ folder: join(folder, 'jobs'), command: { executable, args }, pollMs: 0 });
  boards.push(board);
  return board;
}

async function begin(board: JobBoard): Promise<Job> {
  const job = await board.start({ kind: 'pretrain', configFile: config });
  started.push((await readJobRecord(job.folder))!.process!.pid);
  return job;
}

async function until(board: JobBoard, wanted: (job: Job) => boolean): Promise<Job> {
  for (;;) {
    await board.refresh();
    const job = board.jobs.find(wanted);
    if (job !== undefined) return job;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe('a job', () => {
  it('is found by a board that did not start it, with its run', async () => {
    const job = await begin(await boardOf(waiting));
    const found = await until(boardOn([]), ({ state }) => state === 'running');
    expect(found).toMatchObject({ id: job.id, run: '/runs/of-nobody', spec: { kind: 'pretrain', configFile: config } });
  });

  it('whose worker is killed is lost', async () => {
    const board = await boardOf(waiting);
    await begin(board);
    await until(board, ({ state }) => state === 'running');
    process.kill(started[0]!, 'SIGKILL');
    expect((await until(board, ({ state }) => state !== 'running')).state).toBe('lost');
    await boardOn([]).refresh();
  });

  it('outlives the process that started it', async () => {
    await writeFile(join(folder, 'worker.mjs'), waiting);
    const { build } = await import('esbuild');
    const parent = join(folder, 'parent.mjs');
    const source = `import { createJobBoard } from ${JSON.stringify(join(process.cwd(), 'extension/core/jobs/board.ts'))};
      const board = createJobBoard({ folder: ${JSON.stringify(join(folder, 'jobs'))}, command: { executable: process.execPath, args: [${JSON.stringify(join(folder, 'worker.mjs'))}] }, pollMs: 0 });
      await board.start({ kind: 'pretrain', configFile: ${JSON.stringify(config)} });
      process.exit(0);`;
    await build({ stdin: { contents: source, resolveDir: process.cwd(), loader: 'ts' }, bundle: true, platform: 'node', format: 'esm', outfile: parent, logLevel: 'error' });
    execFileSync(process.execPath, [parent]);
    const job = await until(boardOn([]), ({ state }) => state === 'running');
    const pid = (await readJobRecord(job.folder))!.process!.pid;
    started.push(pid);
    expect(() => process.kill(pid, 0)).not.toThrow();
  });

  it.each([
    ['a program that is not there', undefined, 'Cannot find module'],
    ['a syntax error', 'let let = 1', 'SyntaxError'],
    ['a module that is not there', "import './absent.mjs'", 'Cannot find module'],
  ])('that dies at start of %s has failed, in its own words', async (_what, program, words) => {
    const board = program === undefined ? boardOn([join(folder, 'absent.mjs')]) : await boardOf(program);
    await begin(board);
    const job = await until(board, ({ state }) => state !== 'starting');
    expect(job.state).toBe('failed');
    expect(job.message).toContain(words);
    expect(job.message).not.toMatch(/^\s+at /m);
  });

  it('whose Node.js is not there is refused, and listed as failed', async () => {
    const board = await boardOf(waiting, join(folder, 'no-node'));
    await expect(board.start({ kind: 'pretrain', configFile: config })).rejects.toMatchObject({ code: 'MIM7302' });
    await board.refresh();
    expect(board.jobs[0]).toMatchObject({ state: 'failed', message: expect.stringContaining('no-node') as string });
  });

  it('of a file that is gone is refused before anything is written', async () => {
    const board = await boardOf(waiting);
    await expect(board.start({ kind: 'sweep', configFile: join(folder, 'gone.mim.yaml') })).rejects.toMatchObject({ code: 'MIM7303' });
    await board.refresh();
    expect(board.jobs).toEqual([]);
  });

  it.skipIf(process.getuid?.() === 0)('in a folder that cannot be written is refused', async () => {
    const board = await boardOf(waiting);
    await mkdir(join(folder, 'jobs'));
    await chmod(join(folder, 'jobs'), 0o500);
    await expect(board.start({ kind: 'pretrain', configFile: config })).rejects.toMatchObject({ code: 'MIM7301' });
  });

  it('in a folder that is a file is refused', async () => {
    await writeFile(join(folder, 'jobs'), '');
    await expect((await boardOf(waiting)).start({ kind: 'pretrain', configFile: config })).rejects.toMatchObject({ code: 'MIM7301' });
  });

  it('tells who listens of each change, and nobody of none', async () => {
    const board = await boardOf(waiting);
    let told = 0;
    board.onChange(() => told++);
    await begin(board);
    await until(board, ({ state }) => state === 'running');
    const before = told;
    expect(before).toBeGreaterThan(0);
    await board.refresh();
    expect(told).toBe(before);
  });
});

describe('mim as a worker', () => {
  const experiment = `
mim: 1
method: maskalign
data: { kind: shapes, size: 64, test_size: 40, image_size: 16, threads: 1 }
student: { patch_size: 4, width: 16, depth: 2, heads: 2 }
teacher: { ema: {} }
masking: { ratio: 0.5 }
optimizer: { batch_size: 8, lr: 1e-3 }
schedule: { epochs: 100000 }
checkpoints: { every: 50000 }
engine: { kind: compiled-cpu, threads: 1 }
`;

  it('names its run, stops with a checkpoint when asked, and says so', { timeout: 120_000 }, async () => {
    ensureBuilt();
    await writeFile(config, experiment);
    const board = boardOn([join(process.cwd(), 'dist/mim.mjs')]);
    await begin(board);
    const job = await until(board, ({ state }) => state !== 'starting');
    expect(job.state, job.message).toBe('running');
    expect(job.run).toBe(join(folder, 'runs', 'a'));
    await board.stop(job);
    const ended = await until(board, ({ state }) => state !== 'running');
    expect(ended.state).toBe('stopped');
    expect(JSON.parse(await readFile(join(job.run!, 'status.json'), 'utf8'))).toMatchObject({ state: 'stopped' });
  });

  it('ends a whole sweep, not only the run at work', { timeout: 120_000 }, async () => {
    ensureBuilt();
    await writeFile(config, `${experiment}sweep: { seeds: 3 }\n`);
    const board = boardOn([join(process.cwd(), 'dist/mim.mjs')]);
    const { folder: at } = await board.start({ kind: 'sweep', configFile: config });
    started.push((await readJobRecord(at))!.process!.pid);
    const job = await until(board, ({ state }) => state !== 'starting');
    expect(job.run).toBe(join(folder, 'runs', 'a-seed-0'));
    await board.stop(job);
    expect((await until(board, ({ state }) => state !== 'running')).state).toBe('stopped');
    expect(await readdir(join(folder, 'runs'))).toEqual(['.mim', 'a-seed-0']);
  });

  it('tells a mistake in the experiment as its reason to fail', { timeout: 60_000 }, async () => {
    ensureBuilt();
    const board = boardOn([join(process.cwd(), 'dist/mim.mjs')]);
    await begin(board);
    const job = await until(board, ({ state }) => state !== 'starting' && state !== 'running');
    expect(job.state).toBe('failed');
    expect(job.message).toContain('method');
    expect(job.message).not.toMatch(/^\s+at /m);
  });
});
