/** A runs folder as large as the budgets of the interface: every run with its own files, metrics shared by hard links. */
import { createWriteStream } from 'node:fs';
import { link, mkdir, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import path from 'node:path';
import { freezeResolved } from '../extension/core/config/freeze';
import { checkText } from '../extension/core/config/load';
import { thisProcess } from '../extension/core/runs/processes';

export interface Folder {
  readonly path: string;
  /** Newest first; the first of them live. */
  readonly runs: readonly string[];
  /** The files behind all metrics.jsonl: a record added to each is a new record of every run. */
  readonly metricsFiles: readonly string[];
  readonly bytesPerRun: number;
}

export interface Size {
  readonly runs: number;
  readonly live: number;
  readonly records: number;
  /** The live runs belong to a sweep of this name. */
  readonly sweep?: string;
}

const DISTINCT_METRICS = 8;
const LEVELS = 5;

export async function makeFolder(folder: string, { runs, live, records, sweep }: Size): Promise<Folder> {
  const metricsFiles = await Promise.all(Array.from({ length: DISTINCT_METRICS }, (_, i) => path.join(folder, 'metrics', `${i}.jsonl`)));
  await mkdir(path.join(folder, 'metrics'), { recursive: true });
  let bytes = 0;
  for (const [i, file] of metricsFiles.entries()) bytes = await writeMetrics(file, i, records);
  const names = Array.from({ length: runs }, (_, i) => path.join(folder, 'runs', `run-${String(i).padStart(4, '0')}`));
  for (const [i, run] of names.entries()) await makeRun(run, i, { live: i < live, records, sweep, metrics: metricsFiles[i % DISTINCT_METRICS]! });
  return { path: path.join(folder, 'runs'), runs: names, metricsFiles, bytesPerRun: bytes };
}

/** As the trainer writes it, of a run that aligns five levels. */
export function metricsLine(step: number, run: number, records: number): string {
  const loss = Math.exp(-step / records) + 0.05 * Math.sin(step * 12.9898 + run) ** 3;
  const levels = (scale: number): number[] => Array.from({ length: LEVELS }, (_, level) => loss * scale + level / 7);
  return `${JSON.stringify({
    step, epoch: step / 1000, loss, lr: 1e-4 * (1 - step / (1.1 * records)), level_losses: levels(1), level_cosines: levels(0.5),
    grad_norm: loss * 1.7, images_per_second: 812.25, time: new Date(Date.UTC(2026, 0, 1) + step * 500).toISOString(),
  })}\n`;
}

async function writeMetrics(file: string, run: number, records: number): Promise<number> {
  const out = createWriteStream(file);
  for (let step = 1; step <= records; step++) if (!out.write(metricsLine(step, run, records))) await once(out, 'drain');
  out.end();
  await once(out, 'close');
  return out.bytesWritten;
}

async function makeRun(run: string, index: number, { live, records, sweep, metrics }: { live: boolean; records: number; sweep?: string; metrics: string }): Promise<void> {
  for (const folder of ['checkpoints', 'evaluations', 'samples']) await mkdir(path.join(run, folder), { recursive: true });
  const yaml = `mim: 1\nmethod: supervised\ndata: { kind: shapes, image_size: 32 }\nstudent: vit_tiny_patch4\noptimizer: { weight_decay: ${0.01 * (1 + (index % 10))} }\nseed: ${index}\n`;
  const { resolved } = checkText(yaml, path.join(run, 'bench.mim.yaml'));
  const startedAt = new Date(Date.UTC(2026, 0, 2) - index * 60_000).toISOString();
  const step = live ? records : 2 * records;
  const status = { ...(await thisProcess()), state: live ? 'running' : 'finished', startedAt, updatedAt: startedAt, step, totalSteps: 2 * records, epoch: step / 1000, totalEpochs: records / 500, loss: 0.4 };
  const evaluation = { subject: 'student', step, protocol: 'linear', features: 'cls', top1: 0.4 + (index % 7) / 50 };
  await Promise.all([
    link(metrics, path.join(run, 'metrics.jsonl')),
    writeFile(path.join(run, 'source.yaml'), yaml),
    writeFile(path.join(run, 'environment.json'), JSON.stringify({ gmacPerImage: 0.05, ...(live && sweep !== undefined && { sweep }) })),
    writeFile(path.join(run, 'status.json'), JSON.stringify(status)),
    writeFile(path.join(run, 'heartbeat'), ''),
    writeFile(path.join(run, 'evaluations', `linear-${step}.json`), JSON.stringify(evaluation)),
    writeFile(path.join(run, 'config.yaml'), freezeResolved(resolved!)),
  ]);
}
