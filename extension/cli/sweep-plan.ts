/** What `mim sweep` knows before it does anything: the cells, how far each is, what is to be done with it. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { ConfigError } from '../core/config/load';
import type { LauncherConfig } from '../core/config/schema';
import { expandSweep, type ExpandedSweep, type SweepCell } from '../core/config/sweep';
import { launcherKind } from '../core/launchers/launcher';
import type { RunSummary } from '../core/runs/list-runs';
import { cellsToDo, type CellChoice } from '../core/sweeps/cells-to-do';
import { recordOf } from '../core/sweeps/freeze-sweep';
import type { SweepRecord } from '../core/sweeps/record';
import { sweepStatus, type CellState } from '../core/sweeps/status';

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
