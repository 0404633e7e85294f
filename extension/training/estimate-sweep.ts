/** Time and disk of a sweep: cells of one shape share a measure, and where shapes are many some are measured and the others scaled. */
import type { Origin } from '../core/config/blame';
import type { SweepCell } from '../core/config/sweep';
import { calibrate } from './calibrate';
import { costShape, keepCalibration, recallCalibration, type Calibration } from './calibration';
import { estimateRun, gmacPerStep, scaled, type RunEstimate } from './estimate';

export interface CellEstimate extends RunEstimate {
  /** By name; absent where the cell's own shape was measured. */
  readonly scaledFrom?: string;
}

export interface SweepEstimate {
  /** By the names of the cells. */
  readonly cells: ReadonlyMap<string, CellEstimate>;
  /** Distinct shapes, and how many of them were measured. */
  readonly shapes: number;
  readonly measured: number;
}

interface Shape {
  readonly text: string;
  /** Stands for all of its shape. */
  readonly cell: SweepCell;
}

interface MeasuredShape extends Shape {
  readonly calibration: Calibration;
}

/** Shapes measured at most: each compiles a training. */
const MAX_MEASURED = 6;

/**
 * @param runs folder in which measures are kept
 * @param originOf the places of a cell, for what is wrong with its images or teacher
 * @param onMeasure told before each measure that takes time
 */
export async function estimateSweep(cells: readonly SweepCell[], runs: string, originOf: (cell: SweepCell) => Origin, onMeasure: (cell: SweepCell) => void): Promise<SweepEstimate> {
  const shapes = shapesOf(cells);
  const measured: MeasuredShape[] = [];
  for (const shape of evenlyChosen(shapes, MAX_MEASURED)) {
    let calibration = await recallCalibration(runs, shape.text);
    if (calibration === undefined) {
      onMeasure(shape.cell);
      calibration = await calibrate(shape.cell.resolved, originOf(shape.cell));
      await keepCalibration(runs, shape.text, calibration);
    }
    measured.push({ ...shape, calibration });
  }
  return { cells: new Map(cells.map((cell) => [cell.name, estimateCell(cell, measured)])), shapes: shapes.length, measured: measured.length };
}

/** By cost. */
function shapesOf(cells: readonly SweepCell[]): Shape[] {
  const shapes = new Map<string, SweepCell>();
  for (const cell of cells) {
    const text = costShape(cell.resolved);
    if (!shapes.has(text)) shapes.set(text, cell);
  }
  return [...shapes].map(([text, cell]) => ({ text, cell })).sort((a, b) => gmacPerStep(a.cell.resolved) - gmacPerStep(b.cell.resolved));
}

/** At most `count`, the first and the last among them. */
function evenlyChosen<Item>(items: readonly Item[], count: number): Item[] {
  if (items.length <= count) return [...items];
  return Array.from({ length: count }, (_, i) => items[Math.round((i * (items.length - 1)) / (count - 1))]!);
}

function estimateCell({ resolved }: SweepCell, measured: readonly MeasuredShape[]): CellEstimate {
  const text = costShape(resolved);
  const own = measured.find((shape) => shape.text === text);
  if (own) return estimateRun(resolved, own.calibration);
  const distance = ({ cell }: Shape): number => Math.abs(Math.log(gmacPerStep(cell.resolved) / gmacPerStep(resolved)));
  const nearest = measured.reduce((best, shape) => (distance(shape) < distance(best) ? shape : best));
  return { ...estimateRun(resolved, scaled(nearest.calibration, nearest.cell.resolved, resolved)), scaledFrom: nearest.cell.name };
}
