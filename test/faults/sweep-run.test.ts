import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listRuns } from '../../extension/core/runs/list-runs';
import { readSweep, sweepFile } from '../../extension/core/sweeps/record';
import { answerOf, ensureBuilt, startMim } from '../unit/cli/built-mim';
import { BURSTING, tinyExperiment } from './sweep-experiment';

let folder: string;
beforeAll(async () => {
  ensureBuilt();
  folder = await mkdtemp(join(tmpdir(), 'mim-sweep-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** Writes an experiment of its own runs folder; returns its file. */
async function experiment(name: string, section: string, text = tinyExperiment): Promise<string> {
  const file = join(folder, `${name}.mim.yaml`);
  await writeFile(file, `${text}runs: ${join(folder, name)}\nsweep: ${section}\n`);
  return file;
}

const statesIn = async (name: string): Promise<string[]> => (await listRuns(join(folder, name))).map(({ id, state }) => `${id}: ${state}`).sort();

describe('mim sweep', { timeout: 300_000 }, () => {
  it('that was killed in the middle ends, started again, with every cell done once, and with a table and a figure', async () => {
    const config = await experiment('killed', '{ seeds: 3 }', `${tinyExperiment}evaluate: [{ protocol: knn, at: end }]\n`);
    const killed = startMim(['sweep', config]);
    await killed.said(/cell 2 of 3/);
    killed.process.kill('SIGKILL');
    await killed.ended;
    const again = await answerOf('sweep', config);
    expect(again.code, again.stderr).toBe(0);
    expect(await statesIn('killed')).toEqual(['killed-seed-0: finished', 'killed-seed-1: finished', 'killed-seed-2: finished']);
    expect(again.stdout).toMatch(/\| \d+\.\d\d ± \d+\.\d\d \| 3 \|/);
    const results = join(folder, 'killed', '.mim', 'sweeps', 'killed');
    expect(await readFile(join(results, 'summary.svg'), 'utf8')).toContain('knn, top-1 in %');
    expect((await stat(join(results, 'summary.png'))).size).toBeGreaterThan(1000);
    const status = JSON.parse((await answerOf('sweep', config, '--status', '--json')).stdout) as { counts: object };
    expect(status.counts).toMatchObject({ expected: 3, finished: 3, missing: 0 });
  });

  it('goes on past a failed cell; retry runs only what failed, fill only what is missing', async () => {
    const config = await experiment('mixed', `{ grid: { optimizer.lr: [${BURSTING}, 1.0e-3] } }`);
    const first = await answerOf('sweep', config);
    expect(first.code).toBe(1);
    expect(await statesIn('mixed')).toEqual([expect.stringMatching(/finished|failed/), expect.stringMatching(/finished|failed/)]);
    await rm(join(folder, 'mixed', 'mixed-lr-0.001'), { recursive: true });
    expect((await answerOf('sweep', config, '--retry')).code).toBe(1);
    expect((await statesIn('mixed')).filter((line) => line.endsWith('failed'))).toHaveLength(2);
    await answerOf('sweep', config, '--fill');
    const states = await statesIn('mixed');
    expect(states.filter((line) => line.endsWith('failed'))).toHaveLength(2);
    expect(states.filter((line) => line.endsWith('finished'))).toEqual(['mixed-lr-0.001: finished']);
  });

  it('measures what it would take, once, and says what is one and what is left out', async () => {
    const config = await experiment('dry', '{ grid: { masking.strategy: [random, attentive], masking.ratio: [0.25, 0.5] }, conditions: [{ if: { masking.strategy: random }, set: { masking.ratio: 0.5 } }] }');
    const first = await answerOf('sweep', config, '--dry-run');
    expect(first.code, first.stderr).toBe(0);
    expect(first.stdout).toContain('trains the same as dry-strategy-random-ratio-0.5');
    expect(first.stdout).toMatch(/In total about [\d:]+ one after another on .*, [\d.e-]+ GMAC of training, [\d.]+ [kM]B on disk/);
    expect(first.stderr.match(/Measuring a few steps/g)).toHaveLength(3);
    expect(await statesIn('dry')).toEqual([]);
    expect((await answerOf('sweep', config, '--dry-run')).stderr).not.toContain('Measuring');
    expect((await answerOf('sweep', config, '--dry-run', '--no-calibrate')).stdout).not.toContain('In total');
  });
});

describe('successive halving', { timeout: 300_000 }, () => {
  it('stops the worse configuration at the rung, keeps it, and ends the better one; a second start does nothing', async () => {
    const config = await experiment('halved', '{ grid: { optimizer.lr: [1.0e-3, 1.0e-5] }, seeds: [0], halving: { metric: loss, factor: 2, min_epochs: 2 } }');
    const first = await answerOf('sweep', config);
    expect(first.code, first.stderr).toBe(0);
    const record = await readSweep(sweepFile(join(folder, 'halved'), 'halved'));
    expect(record.cells.map(({ dropped }) => dropped?.epochs).sort()).toEqual([2, undefined]);
    const dropped = record.cells.find((cell) => cell.dropped)!;
    const finished = record.cells.find((cell) => !cell.dropped)!;
    expect(await statesIn('halved')).toEqual([`${finished.name}: finished`, `${dropped.name}: stopped`].sort());
    expect((await answerOf('sweep', config, '--status')).stdout).toContain('left behind after 2 epochs: loss');
    const second = await answerOf('sweep', config);
    expect(second.code).toBe(0);
    expect(await statesIn('halved')).toEqual([`${finished.name}: finished`, `${dropped.name}: stopped`].sort());
    const index = record.cells.indexOf(dropped);
    expect((await answerOf('cell', sweepFile(join(folder, 'halved'), 'halved'), String(index))).code, 'by hand').toBe(0);
    expect((await answerOf('sweep', config, '--status')).stdout).toContain('2 finished');
  });
});
