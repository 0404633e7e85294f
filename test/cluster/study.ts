/** Sweeps on the cluster, and what came of them. */
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect } from 'vitest';
import { expandSweep } from '../../extension/core/config/sweep';
import type { SlurmLauncher } from '../../extension/core/launchers/slurm/options';
import { SlurmWatch, type CellRow } from '../../extension/core/launchers/slurm/status';
import { submitCells } from '../../extension/core/launchers/slurm/submit';
import { findStatus } from '../../extension/core/runs/run-state';
import { RunDirectory } from '../../extension/core/runs/run-directory';
import { cellFiles } from '../../extension/core/sweeps/cell-files';
import { cellsToDo } from '../../extension/core/sweeps/cells-to-do';
import { freezeSweep } from '../../extension/core/sweeps/freeze-sweep';
import { sweepFile, type SweepRecord } from '../../extension/core/sweeps/record';
import { sweepStatus } from '../../extension/core/sweeps/status';
import type { SlurmCluster } from './slurm-cluster';
import { tinyExperiment } from '../faults/sweep-experiment';
import { startMim } from '../unit/cli/built-mim';

/** Epochs of a cell that lasts some seconds, so that there is time to interrupt it. */
export const LONG = 200;

export class Study {
  /** Cells that are to wait, and who sees to it. */
  private readonly held = new Map<number, Promise<void>>();

  private constructor(
    readonly folder: string,
    readonly runs: string,
    readonly record: SweepRecord,
    readonly launcher: SlurmLauncher,
    /** The experiment as written. */
    readonly text: string,
  ) {}

  /** @param sweep text of the experiment's `sweep` section */
  static async make(sweep: string, launcher: SlurmLauncher): Promise<Study> {
    // A blank in the path is what quoting is for.
    const folder = await mkdtemp(join(tmpdir(), 'mim study '));
    const file = join(folder, 'study.mim.yaml');
    const text = `${tinyExperiment.replace('every: 2 }', 'every: 100 }')}sweep: ${sweep}\n`;
    await writeFile(file, text);
    const expanded = expandSweep(text, file);
    expect(expanded.problems.filter(({ severity }) => severity === 'error')).toEqual([]);
    return new Study(folder, expanded.sweep!.runs, await freezeSweep(expanded.sweep!, text, file), launcher, text);
  }

  /** Submits what is to do. @returns id of the array */
  async submit(): Promise<string | undefined> {
    const cells = cellsToDo(await sweepStatus(this.runs, this.record));
    const request = { sweepName: this.record.name, runs: this.runs, launcher: this.launcher, node: process.execPath, mim: resolve('dist', 'mim.mjs') };
    return (await submitCells(request, cells)).jobs[0];
  }

  /** A fresh look each time. */
  async rows(): Promise<readonly CellRow[]> {
    return (await new SlurmWatch().look(this.runs, this.record)).cells;
  }

  async row(index: number): Promise<CellRow> {
    return (await this.rows())[index]!;
  }

  run(index: number): string {
    return join(this.runs, this.record.cells[index]!.name);
  }

  /** From its first steps on the cell waits whenever it trains: it is there however fast it is and however long Slurm takes. */
  keepHeld(index: number): void {
    if (!this.held.has(index)) this.held.set(index, this.holding(index));
  }

  /** Waits until it is held; from then on it goes on where somebody lets it. */
  async holdAtWork(cluster: SlurmCluster, index: number): Promise<void> {
    this.keepHeld(index);
    await cluster.until(`cell ${index} waits at work`, async () => (await findStatus(this.run(index)))?.state === 'paused', 240_000, 100);
    const holding = this.held.get(index);
    this.held.delete(index);
    await holding;
  }

  private async holding(index: number): Promise<void> {
    do {
      await new Promise((resolve) => setTimeout(resolve, 50));
      const status = await findStatus(this.run(index));
      if (status?.state === 'running' && status.step > 8) await (await RunDirectory.open(this.run(index))).requestPause();
    } while (this.held.has(index));
  }

  async letGo(index: number): Promise<void> {
    await (await RunDirectory.open(this.run(index))).withdrawPause();
  }

  async step(index: number): Promise<number> {
    return (await findStatus(this.run(index)))?.step ?? 0;
  }

  /** Every step once and in order, finished, and no second run of the cell. */
  async expectWhole(index: number): Promise<void> {
    const lines = (await readFile(join(this.run(index), 'metrics.jsonl'), 'utf8')).trimEnd().split('\n');
    const steps = lines.map((line) => (JSON.parse(line) as { step: number }).step);
    const status = (await findStatus(this.run(index)))!;
    expect(status.state, `cell ${index}`).toBe('finished');
    expect(steps, `cell ${index}`).toEqual(Array.from({ length: status.totalSteps }, (_, i) => i + 1));
  }

  /** Bit for bit what the cell gives where nobody interrupts it. */
  async expectAsUninterrupted(index: number): Promise<void> {
    const { frozen } = cellFiles(sweepFile(this.runs, this.record.name), index);
    const name = `whole-${index}`;
    const mim = startMim(['pretrain', frozen, '--runs', join(this.folder, 'whole'), '--name', name]);
    expect((await mim.ended).code, mim.stderr()).toBe(0);
    const [a, b] = await Promise.all([RunDirectory.open(this.run(index)), RunDirectory.open(join(this.folder, 'whole', name))]);
    const [last, same] = [(await a.latestGoodCheckpoint())!, (await b.latestGoodCheckpoint())!];
    expect(last.step).toBe(same.step);
    for (const file of ['model.safetensors', 'method.safetensors', 'state.safetensors']) {
      expect((await readFile(join(last.path, file))).equals(await readFile(join(same.path, file))), `cell ${index}: ${file}`).toBe(true);
    }
    const losses = async (run: RunDirectory): Promise<unknown> => (await run.readMetrics()).map(({ step, loss }) => [step, loss]);
    expect(await losses(a)).toEqual(await losses(b));
  }
}
