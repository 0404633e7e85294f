/** The cells of a sweep one after another, under the eyes of the command line. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { ConfigError } from '../core/config/load';
import { gmacPerImage } from '../core/config/cost';
import { expandSweep, type ExpandedSweep } from '../core/config/sweep';
import { planSweep, type PlannedCell, type RerunOptions } from '../core/runs/sweep-plan';
import { writeSweep } from '../core/runs/sweeps';
import { reportError } from './errors';
import { exitCodes } from './exit-codes';
import { significant } from '../core/text/format';
import { tableLines } from './table';
import { styled, type Terminal } from './terminal';
import { train } from './train';

export interface SweepOptions extends RerunOptions {
  readonly configFile: string;
  readonly overrides: Readonly<Record<string, string>>;
  /** Default: `runs` of the file. */
  readonly runsFolder?: string;
  readonly json?: boolean;
}

export interface Sweep extends ExpandedSweep {
  readonly plan: readonly PlannedCell[];
}

/** @throws ConfigError with the problems of all cells */
export async function plannedSweep({ configFile, overrides, runsFolder, ...rerun }: SweepOptions): Promise<Sweep> {
  const { sweep, problems } = expandSweep(await readFile(configFile, 'utf8'), configFile, overrides);
  if (sweep === undefined) throw new ConfigError(problems);
  const runs = runsFolder === undefined ? sweep.runs : resolve(runsFolder);
  return { ...sweep, runs, plan: await planSweep(sweep.cells, runs, rerun) };
}

export function sweepLines({ name, plan }: Sweep): string[] {
  const keys = Object.keys(plan[0]?.cell.values ?? {});
  const rows = plan.map(({ cell, state, action }) => [cell.name, ...keys.map((key) => String(cell.values[key])), significant(gmacPerImage(cell.resolved).step), state, action]);
  const count = (wanted: PlannedCell['action']): number => plan.filter(({ action }) => action === wanted).length;
  return [...tableLines(['cell', ...keys, 'GMAC', 'state', 'next'], rows), '', `${name}: ${plan.length} cells; ${count('run')} to run, ${count('resume')} to resume, ${count('skip')} to pass over`];
}

/** What `--json` says of a sweep. */
export function sweepDocument({ name, runs, plan }: Sweep): object {
  return { name, runs, cells: plan.map(({ cell, state, run, action }) => ({ name: cell.name, values: cell.values, state, run, action })) };
}

/** @returns the exit code: a stop ends the sweep, a failed cell does not */
export async function runSweep(terminal: Terminal, sweep: Sweep, options: SweepOptions): Promise<number> {
  await writeSweep(sweep.runs, {
    name: sweep.name,
    experimentFile: resolve(options.configFile),
    startedAt: new Date().toISOString(),
    cells: sweep.cells.map(({ name, values, identity }) => ({ name, values, identity })),
  });
  let failed = sweep.plan.filter(({ state, action }) => state === 'failed' && action === 'skip').length;
  for (const [index, planned] of sweep.plan.entries()) {
    const { cell, action } = planned;
    if (options.json === true) terminal.out(JSON.stringify({ event: 'cell', name: cell.name, values: cell.values, action }));
    if (action === 'skip') continue;
    terminal.note(styled(terminal, 'bold', `cell ${index + 1} of ${sweep.plan.length}: ${cell.name}`));
    try {
      const code = await runCell(terminal, sweep, planned, options);
      if (code === exitCodes.stopped) return code;
    } catch (error) {
      failed++;
      await reportError(error, terminal, { json: options.json === true, debug: false });
    }
  }
  const say = options.json === true ? terminal.note : terminal.out;
  say(failed === 0 ? `Sweep ${sweep.name}: all cells are done or at work.` : `Sweep ${sweep.name}: ${failed} of ${sweep.plan.length} cells failed; \`mim sweep ${options.configFile} --retry\` runs them again.`);
  return failed === 0 ? exitCodes.done : exitCodes.failed;
}

async function runCell(terminal: Terminal, sweep: Sweep, { cell, action, run }: PlannedCell, { configFile, overrides, json }: SweepOptions): Promise<number> {
  const { pretrain, resume } = await import('../training/pretrain');
  return train(terminal, { json }, (events, signal) =>
    action === 'resume' && run !== undefined
      ? resume({ run, events, signal })
      : pretrain({
          configFile,
          overrides: { ...overrides, ...cell.overrides },
          name: cell.name,
          runsFolder: sweep.runs,
          membership: { sweep: sweep.name, sweepCell: { name: cell.name, values: cell.values } },
          events,
          signal,
        }),
  );
}
