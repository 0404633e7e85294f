/** The cells of a sweep one after another, under the eyes of the command line. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { gmacPerImage } from '../core/config/cost';
import { ConfigError } from '../core/config/load';
import { expandSweep, type ExpandedSweep, type SweepCell } from '../core/config/sweep';
import { cellsToDo, type CellChoice } from '../core/sweeps/cells-to-do';
import { askAnew, freezeSweep, recordOf } from '../core/sweeps/freeze-sweep';
import { sweepFile } from '../core/sweeps/record';
import { sweepStatus, type CellState, type CellStatus } from '../core/sweeps/status';
import { significant } from '../core/text/format';
import { runCell } from './cell';
import { reportError } from './errors';
import { exitCodes } from './exit-codes';
import { tableLines } from './table';
import { styled, type Terminal } from './terminal';

export interface SweepOptions extends CellChoice {
  readonly configFile: string;
  readonly overrides: Readonly<Record<string, string>>;
  /** Default: `runs` of the file. */
  readonly runsFolder?: string;
  readonly json?: boolean;
}

/** A sweep as its experiment says it, and how far each cell is. */
export interface Sweep extends ExpandedSweep {
  /** Text of the experiment. */
  readonly source: string;
  readonly plan: readonly PlannedCell[];
}

interface PlannedCell {
  readonly cell: SweepCell;
  /** In the sweep's json. */
  readonly index: number;
  readonly state: CellState;
  readonly run?: string;
  readonly action: 'run' | 'resume' | 'skip';
}

/** @throws ConfigError with the problems of all cells */
export async function plannedSweep({ configFile, overrides, runsFolder, ...choice }: SweepOptions): Promise<Sweep> {
  const source = await readFile(configFile, 'utf8');
  const { sweep: expanded, problems } = expandSweep(source, configFile, overrides);
  if (expanded === undefined) throw new ConfigError(problems);
  const sweep = { ...expanded, runs: runsFolder === undefined ? expanded.runs : resolve(runsFolder) };
  const status = await sweepStatus(sweep.runs, await recordOf(sweep, configFile));
  const toDo = new Set(cellsToDo(status, choice));
  const known = new Map(status.map((cell) => [cell.cell.identity, cell]));
  const plan = sweep.cells.map((cell): PlannedCell => {
    const { index, state, run } = known.get(cell.identity)!;
    return { cell, index, state, run: run?.path, action: toDo.has(index) ? actionOn(state, choice) : 'skip' };
  });
  return { ...sweep, source, plan };
}

function actionOn(state: CellState, { again = false }: CellChoice): PlannedCell['action'] {
  return !again && (state === 'stopped' || state === 'lost') ? 'resume' : 'run';
}

export function sweepLines({ name, plan }: Sweep): string[] {
  const keys = Object.keys(plan[0]?.cell.values ?? {});
  const rows = plan.map(({ cell, state, action }) => [cell.name, ...keys.map((key) => String(cell.values[key])), significant(gmacPerImage(cell.resolved).step), state, action]);
  const count = (wanted: PlannedCell['action']): number => plan.filter(({ action }) => action === wanted).length;
  return [...tableLines(['cell', ...keys, 'GMAC', 'state', 'next'], rows), '', `${name}: ${plan.length} cells; ${count('run')} to run, ${count('resume')} to resume, ${count('skip')} to pass over`];
}

/** What `--json` says of a sweep. */
export function sweepDocument({ name, runs, plan }: Sweep): object {
  return { name, runs, cells: plan.map(({ cell, index, state, run, action }) => ({ index, name: cell.name, values: cell.values, state, run, action })) };
}

/** @returns the exit code: a stop ends the sweep, a failed cell does not */
export async function runSweep(terminal: Terminal, sweep: Sweep, options: SweepOptions): Promise<number> {
  const file = resolve(options.configFile);
  const frozen = await freezeSweep(sweep, sweep.source, file);
  const before = await sweepStatus(sweep.runs, frozen);
  const toDo = cellsToDo(before, options);
  if (options.again === true) await askAnew(sweep.runs, frozen, toDo);
  for (const [done, index] of toDo.entries()) {
    const { cell, state } = before.find((status) => status.index === index)!;
    if (options.json === true) terminal.out(JSON.stringify({ event: 'cell', index, name: cell.name, values: cell.values }));
    terminal.note(styled(terminal, 'bold', `cell ${done + 1} of ${toDo.length}: ${cell.name}`));
    try {
      const code = await runCell(terminal, { sweep: sweepFile(sweep.runs, sweep.name), index, retry: state === 'failed', json: options.json });
      if (code === exitCodes.stopped) return code;
    } catch (error) {
      await reportError(error, terminal, { json: options.json === true, debug: false });
    }
  }
  return lastWords(terminal, await sweepStatus(sweep.runs, frozen), sweep.name, options);
}

function lastWords(terminal: Terminal, status: readonly CellStatus[], name: string, { configFile, json }: SweepOptions): number {
  const failed = status.filter(({ state }) => state === 'failed' || state === 'missing').length;
  const say = json === true ? terminal.note : terminal.out;
  say(failed === 0 ? `Sweep ${name}: all cells are done or at work.` : `Sweep ${name}: ${failed} of ${status.length} cells failed; \`mim sweep ${configFile} --retry\` runs them again.`);
  return failed === 0 ? exitCodes.done : exitCodes.failed;
}
