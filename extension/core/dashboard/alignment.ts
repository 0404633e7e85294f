/** How Dynamic Alignment mixes the levels of a run over its training. */
import path from 'node:path';
import type { LibraryRun } from '../library/library-run';
import type { AlignmentData, DashboardState } from '../protocol/dashboard';
import { readMetrics } from '../runs/metrics-file';

type Weights = readonly (readonly number[])[];

interface AlignmentRecord {
  readonly step: number;
  readonly weights: Weights;
}

/** Of the run asked for, or else of the first selected one that mixes levels; at the last step at or before the one asked for. */
export async function alignmentData(selected: readonly LibraryRun[], options: DashboardState['alignment']): Promise<AlignmentData> {
  const candidates = selected.toSorted((a, b) => Number(b.key === options.run) - Number(a.key === options.run));
  for (const run of candidates) {
    const records = await readAlignment(run);
    if (records.length > 0) return show(run, records, options.step);
    if (run.key === options.run) return nothing(noteOn(run), run);
  }
  return nothing(selected.length === 0 ? 'Select a run to see how it mixes levels.' : noteOn(candidates[0]!));
}

function show({ key }: LibraryRun, records: readonly AlignmentRecord[], wantedStep: number | undefined): AlignmentData {
  const shown = (wantedStep === undefined ? undefined : records.findLast(({ step }) => step <= wantedStep) ?? records[0]) ?? records.at(-1)!;
  const rows = shown.weights.map((_, level) => level);
  return {
    view: 'alignment',
    run: key,
    steps: records.map(({ step }) => step),
    step: shown.step,
    matrix: { rows: rows.map(levelName), columns: (shown.weights[0] ?? []).map((_, level) => levelName(level)), values: shown.weights },
    entropy: rows.map((row) => records.map(({ weights }) => rowEntropy(weights[row] ?? []))),
    largest: records.reduce((most, { weights }) => Math.max(most, ...weights.flat().map(Math.abs)), 0),
    centre: rows.map((row) => records.map(({ weights }) => rowCentre(weights[row] ?? []))),
  };
}

/** Entropy, in nats, of the absolute weights as shares of their sum: 0 where one level has all, ln N where all have as much. */
export function rowEntropy(row: readonly number[]): number {
  return shares(row).reduce((sum, share) => (share > 0 ? sum - share * Math.log(share) : sum), 0);
}

/** Mean level, counted from 1, by the same shares; 0 where all weights are 0. */
export function rowCentre(row: readonly number[]): number {
  return shares(row).reduce((sum, share, level) => sum + share * (level + 1), 0);
}

function shares(row: readonly number[]): number[] {
  const total = row.reduce((sum, weight) => sum + Math.abs(weight), 0);
  return row.map((weight) => (total > 0 ? Math.abs(weight) / total : 0));
}

function levelName(level: number): string {
  return String(level + 1);
}

function nothing(note: string, run?: LibraryRun): AlignmentData {
  return { view: 'alignment', ...(run && { run: run.key }), steps: [], entropy: [], centre: [], note };
}

function noteOn({ name, config, origin }: LibraryRun): string {
  if (origin !== 'mim') return `${name} was made elsewhere: its alignment weights are not known.`;
  if (config?.method !== undefined && config.method !== 'maskalign') return `${name} does not align levels: its method is ${config.method}.`;
  if (config?.alignment.fusion === 'simple') return `${name} does not mix levels: alignment.fusion is simple.`;
  return `${name} has not recorded alignment weights.`;
}

/** By step, each once; lines that are no matrices are passed over. */
async function readAlignment({ key, origin }: LibraryRun): Promise<AlignmentRecord[]> {
  if (origin !== 'mim') return [];
  const records = await readMetrics(path.join(key, 'alignment.jsonl')).catch(() => []);
  const whole = records.flatMap(({ step, weights }) => (typeof step === 'number' && isMatrix(weights) ? [{ step, weights }] : []));
  return [...new Map(whole.map((record) => [record.step, record])).values()].sort((a, b) => a.step - b.step);
}

function isMatrix(value: unknown): value is Weights {
  return Array.isArray(value) && value.length > 0 && value.every((row) => Array.isArray(row) && row.every((weight) => typeof weight === 'number'));
}
