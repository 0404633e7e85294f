/**
 * Evaluations of untrained students and teachers that runs of the same folder have made: a sweep evaluates its teacher once, not in
 * every cell. They are found again by everything that shapes them; that the same images, weights and settings give the same figures
 * is what makes them worth keeping.
 */
import { createHash, type Hash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { evaluatedLayers, PROTOCOL_KEYS } from '../core/config/evaluation-name';
import type { EvaluationConfig } from '../core/config/schema';
import { writeFileAtomically } from '../core/files/durable-files';
import type { NamedTensors } from '../core/tensors';
import { identityOf } from './data/identity';
import { withoutAddress } from './engines/devices/vulkan-device';
import type { Engine } from './engines/engine';
import type { Prepared } from './prepare';
import { resultName, type ProbeResult, type ProbeSubject } from './probe-results';

/** To be raised where the same settings come to give other figures. */
const FORMAT = 1;

/** An encoder that is not trained. */
export interface Baseline {
  readonly subject: Extract<ProbeSubject, 'random' | 'teacher'>;
  readonly weights: NamedTensors;
  /** Blocks. */
  readonly depth: number;
}

type BaselineContext = Pick<Prepared, 'experiment' | 'train' | 'test'> & { readonly engine: Engine };

export class KnownBaselines {
  private readonly folder: string;
  /** Of weights that were asked for: a large teacher is hashed once. */
  private readonly hashes = new WeakMap<NamedTensors, string>();

  /** @param runsFolder of all runs @param run the name of this one */
  constructor(runsFolder: string, private readonly run: string, private readonly context: BaselineContext) {
    this.folder = path.join(runsFolder, '.mim', 'baselines');
  }

  /** What was found of each of these evaluations, and by which run; those of which anything is missing are left out. */
  async recall(baseline: Baseline, evaluations: readonly EvaluationConfig[]): Promise<ReadonlyMap<EvaluationConfig, readonly ProbeResult[]>> {
    const found = await Promise.all(evaluations.map(async (config) => [config, await read(this.fileOf(baseline, config))] as const));
    return new Map(found.flatMap(([config, known]) => (known === undefined ? [] : [[config, known] as const])));
  }

  /** What cannot be kept is found anew by the next run. */
  async keep(baseline: Baseline, evaluations: readonly EvaluationConfig[], results: readonly ProbeResult[]): Promise<void> {
    await mkdir(this.folder, { recursive: true }).catch(() => undefined);
    for (const config of evaluations) {
      const names = evaluatedLayers(config, baseline.depth).map((layer) => resultName(config, baseline.subject, layer));
      const known = results.filter(({ name }) => names.includes(name)).map((result): ProbeResult => ({ ...result, result: { ...result.result, foundBy: this.run } }));
      if (known.length === names.length) await writeFileAtomically(this.fileOf(baseline, config), `${JSON.stringify(known)}\n`).catch(() => undefined);
    }
  }

  private fileOf({ subject, weights }: Baseline, config: EvaluationConfig): string {
    const { experiment: { data: { crop_scale: crops, flip, threads: _threads, ...data }, optimizer, derived, seed, student }, train, test, engine } = this.context;
    const knobs: readonly (keyof EvaluationConfig)[] = PROTOCOL_KEYS[config.protocol];
    // Crops and flips of the pretraining, which differ between methods, are those of fine-tuning alone, as is the size of a pass.
    const training = config.protocol === 'finetune' ? [crops, flip, optimizer.accumulate, derived.microBatch] : [];
    const shaping = [
      FORMAT, subject, this.hashOf(weights), config.protocol, knobs.map((key) => config[key]), training, seed, data, ...[train, test].map((source) => source && identityOf(source, this.context.experiment.data)),
      // A teacher is fitted to the student's grid.
      student.imageSize / student.patchSize, arithmeticOf(engine),
    ];
    return path.join(this.folder, `${subject}-${config.protocol}-${createHash('sha256').update(JSON.stringify(shaping)).digest('hex').slice(0, 32)}.json`);
  }

  private hashOf(weights: NamedTensors): string {
    const hash = this.hashes.get(weights) ?? sha256Of(weights);
    this.hashes.set(weights, hash);
    return hash;
  }
}

/** What an engine says of itself, as far as numbers depend on it: not which of several cards of a model it is, nor what trainings round. */
function arithmeticOf(engine: Engine): Record<string, string | number> {
  const { products: _products, device, ...rest } = engine.describe();
  return { ...rest, ...(device !== undefined && { device: withoutAddress(String(device)) }) };
}

function sha256Of(tensors: NamedTensors): string {
  const names = Object.keys(tensors).sort();
  return names.reduce((hash: Hash, name) => {
    const { shape, data } = tensors[name]!;
    return hash.update(`${name} ${shape.join('×')}`).update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }, createHash('sha256')).digest('hex');
}

async function read(file: string): Promise<readonly ProbeResult[] | undefined> {
  try {
    const known = JSON.parse(await readFile(file, 'utf8')) as unknown;
    return Array.isArray(known) && known.length > 0 ? (known as readonly ProbeResult[]) : undefined;
  } catch {
    return undefined;
  }
}
