/** `mim sweep`: its cells and what is to be done with them; here one after another, or handed to a launcher. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { checkFiles } from '../core/config/check-files';
import { checkText, ConfigError } from '../core/config/load';
import type { LauncherConfig } from '../core/config/schema';
import { expandSweep, type ExpandedSweep, type SweepCell } from '../core/config/sweep';
import type { Problem } from '../core/problems';
import type { RunSummary } from '../core/runs/list-runs';
import { launcherKind } from '../core/launchers/launcher';
import { cellsToDo, type CellChoice } from '../core/sweeps/cells-to-do';
import { askAnew, freezeSweep, recordOf } from '../core/sweeps/freeze-sweep';
import { sweepFile, type SweepRecord } from '../core/sweeps/record';
import { sweepStatus, type CellState, type CellStatus } from '../core/sweeps/status';
import { runCell } from './cell';
import { reportError } from './errors';
import { exitCodes } from './exit-codes';
import { styled, type Terminal } from './terminal';

export interface SweepOptions extends CellChoice {
  readonly configFile: string;
  readonly overrides: Readonly<Record<string, string>>;
  /** Default: `runs` of the file. */
  readonly runsFolder?: string;
  /** In place of the experiment's. */
  readonly launcher?: LauncherConfig & string;
  /** Of another launcher: return when all cells are at their end. */
  readonly wait?: boolean;
  readonly json?: boolean;
}

/** A sweep as its experiment says it, and how far each cell is. */
export interface Sweep extends ExpandedSweep {
  /** Text of the experiment. */
  readonly source: string;
  /** As it would be written. */
  readonly record: SweepRecord;
  readonly plan: readonly PlannedCell[];
}

export interface PlannedCell {
  readonly cell: SweepCell;
  /** In the sweep's json. */
  readonly index: number;
  readonly state: CellState;
  readonly run?: RunSummary;
  readonly action: 'run' | 'resume' | 'skip';
}

/** @throws ConfigError with the problems of all cells */
export async function plannedSweep({ configFile, overrides, runsFolder, launcher, ...choice }: SweepOptions): Promise<Sweep> {
  const source = await readFile(configFile, 'utf8');
  const { sweep: expanded, problems } = expandSweep(source, configFile, overrides);
  if (expanded === undefined) throw new ConfigError(problems);
  const sweep = { ...expanded, runs: runsFolder === undefined ? expanded.runs : resolve(runsFolder), launcher: chosenLauncher(expanded.launcher, launcher) };
  const record = await recordOf(sweep, configFile);
  const status = await sweepStatus(sweep.runs, record);
  const toDo = new Set(cellsToDo(status, choice));
  const known = new Map(status.map((cell) => [cell.cell.identity, cell]));
  const plan = sweep.cells.map((cell): PlannedCell => {
    const { index, state, run } = known.get(cell.identity)!;
    return { cell, index, state, run, action: toDo.has(index) ? actionOn(state, choice) : 'skip' };
  });
  return { ...sweep, source, record, plan };
}

/** One that is asked for by name keeps the settings that the experiment gives it. */
function chosenLauncher(written: LauncherConfig, asked: (LauncherConfig & string) | undefined): LauncherConfig {
  return asked === undefined || asked === launcherKind(written) ? written : asked;
}

function actionOn(state: CellState, { again = false }: CellChoice): PlannedCell['action'] {
  return !again && (state === 'stopped' || state === 'lost') ? 'resume' : 'run';
}

/** @returns the exit code */
export async function runSweep(terminal: Terminal, sweep: Sweep, options: SweepOptions): Promise<number> {
  const isHere = launcherKind(sweep.launcher) === 'here';
  if (isHere) await requireFiles(sweep, options);
  const frozen = await freezeSweep(sweep, sweep.source, resolve(options.configFile));
  const toDo = cellsToDo(await sweepStatus(sweep.runs, frozen), options);
  const record = options.again === true ? await askAnew(sweep.runs, frozen, toDo) : frozen;
  if (!isHere) {
    const { launch } = await import('./launch');
    return launch(terminal, { launcher: sweep.launcher, sweep: record, runs: sweep.runs, cells: toDo, retry: options.retry, wait: options.wait, json: options.json });
  }
  const stopped = await runCells(terminal, sweep, toDo, options);
  return stopped ? exitCodes.stopped : lastWords(terminal, await sweepStatus(sweep.runs, record), sweep, options);
}

/** One after another; a stop ends it, a failed cell does not. @returns whether a stop was asked for */
export async function runCells(terminal: Terminal, { runs, name, record }: Pick<Sweep, 'runs' | 'name' | 'record'>, toDo: readonly number[], options: Pick<SweepOptions, 'json' | 'retry'> & { readonly untilEpoch?: number }): Promise<boolean> {
  for (const [done, index] of toDo.entries()) {
    const cell = record.cells[index]!;
    if (options.json === true) terminal.out(JSON.stringify({ event: 'cell', index, name: cell.name, values: cell.values }));
    terminal.note(styled(terminal, 'bold', `cell ${done + 1} of ${toDo.length}: ${cell.name}`));
    try {
      const code = await runCell(terminal, { sweep: sweepFile(runs, name), index, retry: options.retry, untilEpoch: options.untilEpoch, json: options.json });
      if (code === exitCodes.stopped) return true;
    } catch (error) {
      await reportError(error, terminal, { json: options.json === true, debug: false });
    }
  }
  return false;
}

/** Files that the cells name are looked for before the first begins, and told where the experiment names them. @throws ConfigError */
async function requireFiles({ source, plan }: Sweep, { configFile, overrides }: SweepOptions): Promise<void> {
  const problems = new Map<string, Problem>();
  for (const { cell, action } of plan) {
    if (action === 'skip') continue;
    const { experiment, locate } = checkText(source, configFile, { ...overrides, ...cell.overrides });
    for (const problem of experiment ? await checkFiles(experiment, configFile, locate) : []) problems.set(JSON.stringify(problem), problem);
  }
  const found = [...problems.values()];
  if (found.some(({ severity }) => severity === 'error')) throw new ConfigError(found);
}

async function lastWords(terminal: Terminal, status: readonly CellStatus[], sweep: Sweep, options: SweepOptions): Promise<number> {
  const { configFile, json } = options;
  const { tellFinalSummary } = await import('./sweep-summary');
  await tellFinalSummary(terminal, options);
  const failed = status.filter(({ state }) => state === 'failed').length;
  const say = json === true ? terminal.note : terminal.out;
  say(failed === 0 ? `Sweep ${sweep.name}: ${doneText(status)}` : `Sweep ${sweep.name}: ${failed} of ${status.length} cells failed; \`mim sweep ${configFile} --retry\` runs them again.`);
  return failed === 0 ? exitCodes.done : exitCodes.failed;
}

function doneText(status: readonly CellStatus[]): string {
  const missing = status.filter(({ state }) => state === 'missing').length;
  return missing === 0 ? 'all cells are done or at work.' : `${missing} cells are missing; \`mim sweep --fill\` runs them.`;
}
