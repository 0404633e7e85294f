/** A sweep with `halving`: cells go to a rung, configurations are compared there, the best go on by resuming. */
import type { HalvingConfig } from '../core/config/schema';
import { configurations, halve, isDropped, rungs, withDropped, type RungResult } from '../core/sweeps/halving';
import { sweepFile, writeSweep, type SweepRecord } from '../core/sweeps/record';
import { cellStatus, type CellStatus } from '../core/sweeps/status';
import { significant } from '../core/text/format';
import { rungMetric } from '../training/rung-metric';
import { asFarAs } from '../training/stop-signal';
import { runCell } from './cell';
import { reportError } from './errors';
import { exitCodes } from './exit-codes';
import type { Sweep, SweepOptions } from './sweep-plan';
import { styled, type Terminal } from './terminal';

interface Halving {
  readonly terminal: Terminal;
  readonly sweep: Sweep;
  readonly config: HalvingConfig;
  readonly options: Pick<SweepOptions, 'json' | 'retry'>;
  record: SweepRecord;
}

/** The same command goes on where it was: what was decided at a rung is in the sweep's json. @returns whether a stop was asked for */
export async function runHalving(terminal: Terminal, sweep: Sweep, record: SweepRecord, config: HalvingConfig, options: SweepOptions): Promise<boolean> {
  const halving: Halving = { terminal, sweep, config, options, record };
  const totalEpochs = Math.max(...sweep.cells.map(({ resolved }) => resolved.schedule.epochs));
  let remaining = configurations(record);
  for (const epochs of rungs(config, totalEpochs)) {
    remaining = remaining.filter((cells) => !isDropped(record, cells, epochs / config.factor));
    if (remaining.length < 2) break;
    const decided = remaining.filter((cells) => !isDropped(halving.record, cells, epochs));
    if (decided.length === remaining.length) {
      if (await runTo(halving, remaining.flat(), epochs)) return true;
      remaining = await compare(halving, remaining, epochs);
    } else remaining = decided;
  }
  return runTo(halving, remaining.flat(), undefined);
}

/** @param epochs absent: to the end. @returns whether a stop was asked for */
async function runTo(halving: Halving, indexes: readonly number[], epochs: number | undefined): Promise<boolean> {
  const { terminal, sweep, record, options } = halving;
  for (const index of indexes) {
    const before = await statusOf(halving, index);
    if (isThere(before, epochs) || (before.state === 'failed' && options.retry !== true)) continue;
    const { name } = record.cells[index]!;
    if (options.json === true) terminal.out(JSON.stringify({ event: 'cell', index, name, values: record.cells[index]!.values, untilEpoch: epochs }));
    terminal.note(styled(terminal, 'bold', epochs === undefined ? `${name}, to the end` : `${name}, to epoch ${significant(epochs)}`));
    try {
      const code = await runCell(terminal, { sweep: sweepFile(sweep.runs, sweep.name), index, retry: options.retry, untilEpoch: epochs, json: options.json });
      if (code === exitCodes.stopped && !hasStoppedAt(await statusOf(halving, index), epochs)) return true;
    } catch (error) {
      await reportError(error, terminal, { json: options.json === true, debug: false });
    }
  }
  return false;
}

/** Leaves the worse configurations behind, in the sweep's json. @returns those that go on */
async function compare(halving: Halving, remaining: readonly number[][], epochs: number): Promise<number[][]> {
  const { terminal, sweep, config, options } = halving;
  const results: RungResult[] = [];
  for (const cells of remaining) results.push({ cells, value: await meanValue(halving, cells) });
  const { kept, dropped } = halve(config, results);
  halving.record = withDropped(halving.record, config, epochs, dropped);
  await writeSweep(sweep.runs, halving.record);
  if (options.json === true) terminal.out(JSON.stringify({ event: 'rung', epochs, metric: config.metric, kept, dropped }));
  terminal.note(`After ${significant(epochs)} epochs by ${config.metric}: ${kept.length} of ${results.length} configurations go on.`);
  for (const { cells, value } of [...kept, ...dropped]) terminal.note(`  ${dropped.some((one) => one.cells === cells) ? 'left behind' : 'goes on    '}  ${value === undefined ? '–' : significant(value)}  ${halving.record.cells[cells[0]!]!.name}`);
  // In the order of the sweep.
  return remaining.filter((cells) => kept.some((one) => one.cells === cells));
}

async function meanValue(halving: Halving, cells: readonly number[]): Promise<number | undefined> {
  const values: number[] = [];
  for (const index of cells) {
    const { run, state } = await statusOf(halving, index);
    if (run === undefined || state === 'failed') continue;
    const value = await rungMetric(run.path, halving.config.metric, (line) => halving.terminal.note(line));
    if (value !== undefined) values.push(value);
  }
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length;
}

function statusOf({ sweep, record }: Halving, index: number): Promise<CellStatus> {
  return cellStatus(sweep.runs, record.cells[index]!, index);
}

/** Nothing is to be done for it up to this rung. */
function isThere(status: CellStatus, epochs: number | undefined): boolean {
  return status.state === 'finished' || status.state === 'running' || status.state === 'paused' || (epochs !== undefined && (status.run?.status?.epoch ?? 0) >= epochs - 1e-9 && status.state !== 'failed');
}

/** It stopped because it was to go so far, and not because someone asked. */
function hasStoppedAt({ run }: CellStatus, epochs: number | undefined): boolean {
  return epochs !== undefined && run?.status?.message === asFarAs(epochs);
}
