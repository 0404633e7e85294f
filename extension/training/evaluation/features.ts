/**
 * Frozen features of a whole image set, computed through an engine.
 *
 * Every kind that is asked for comes out of one pass: the CLS token, the mean of the patch tokens, each after the
 * encoder's final norm, or the two in one vector. Batches have a fixed size (programs are static), so the last one is padded with zeros and its surplus dropped.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import type { FeatureKind } from '../../core/config/evaluation-choices';
import { elementCount, float32 } from '../../core/tensors';
import type { NamedSpecs, NamedTensors } from '../../core/tensors';
import { UserError } from '../../core/problems';
import type { CompiledProgram, Program, StateStore } from '../engines/engine';

/** What a protocol reads: features an evaluation can choose, or all patch tokens, [L·D] an image. */
export type ReadKind = FeatureKind | 'patches';

/** Features by name: a kind after the last block, `cls`, or after another, counted from 1, `cls@3`. */
export type FeatureName = ReadKind | `${ReadKind}@${number}`;

export function featureName(kind: ReadKind, layer?: number): FeatureName {
  return layer === undefined ? kind : `${kind}@${layer}`;
}

function partsOf(name: FeatureName): { kind: ReadKind; layer?: number } {
  const [kind, layer] = name.split('@') as [ReadKind, string?];
  return layer === undefined ? { kind } : { kind, layer: Number(layer) };
}

/** Kinds that hold all that is read off; `both` repeats them. */
const DISTINCT_KINDS = ['cls', 'mean'] as const;

const FEATURE_SOURCES: Readonly<Record<ReadKind, string>> = {
  cls: 'CLS token after the final norm',
  mean: 'mean of the patch tokens after the final norm',
  both: 'CLS token and mean of the patch tokens, each after the final norm, concatenated',
  patches: 'patch tokens after the final norm',
};

/** What a result says of where its features were read. */
export function featureSource(kind: ReadKind, layer?: number): string {
  return layer === undefined ? FEATURE_SOURCES[kind] : `block ${layer}: ${FEATURE_SOURCES[kind]}`;
}

/** cls and mean: [B, D]; patches, where an encoder can be asked for them: [B, L, D]. */
type Summaries = Readonly<Record<'cls' | 'mean', Tensor>> & { readonly patches?: Tensor };

/** After the last block, and after others that were asked for. */
export type EncoderFeatures = Summaries & { readonly layers?: ReadonlyMap<number, Summaries> };

interface FeatureProgramOptions {
  readonly name: string;
  /** Parameters that live in a state store (a student); empty for a frozen teacher. */
  readonly state?: NamedSpecs;
  /** Frozen values: a teacher's weights, position tables. */
  readonly constants?: NamedTensors;
  readonly batchSize: number;
  readonly imageSize: number;
  /** What is read off; default: CLS and mean. */
  readonly kinds?: readonly FeatureName[];
  /**
   * images: [B, 3, S, S], normalised as the loader gives them.
   * @param layers blocks, counted from 1, whose features are wanted beside those of the last
   */
  forward(state: Readonly<Record<string, Tensor>>, constants: Readonly<Record<string, Tensor>>, images: Tensor, layers: readonly number[]): EncoderFeatures;
}

/** A program that reads `images` and returns features. */
export function featureProgram(options: FeatureProgramOptions): Program {
  const { batchSize, imageSize, kinds = DISTINCT_KINDS } = options;
  const layers = [...new Set(kinds.flatMap((name) => partsOf(name).layer ?? []))];
  return {
    name: options.name,
    state: options.state ?? {},
    constants: options.constants ?? {},
    batch: { images: { shape: [batchSize, 3, imageSize, imageSize], dtype: 'float32' } },
    run({ state, constants, batch }) {
      const features = options.forward(state, constants, batch.images!, layers);
      return { state: {}, readings: Object.fromEntries(kinds.map((name) => [name, namedFeatures(features, name)])) };
    },
  };
}

/** [B, D]; [B, 2D] for `both`, [B, L·D] for `patches`. */
function namedFeatures(features: EncoderFeatures, name: FeatureName): Tensor {
  const { kind, layer } = partsOf(name);
  const { cls, mean, patches } = layer === undefined ? features : features.layers!.get(layer)!;
  if (kind === 'patches') return tf.reshape(patches!, [patches!.shape[0]!, -1]);
  return kind === 'both' ? tf.concat([cls, mean], 1) : kind === 'cls' ? cls : mean;
}

/** Features of N images with their labels. */
export interface LabelledFeatures {
  /** [N, width], row-major. */
  readonly features: Float32Array;
  readonly width: number;
  /** [N] */
  readonly labels: Int32Array;
}

/** Features of N images, under every name that was asked for. */
export type ExtractedFeatures<Kind extends FeatureName = 'cls' | 'mean'> = Readonly<Record<Kind, LabelledFeatures>>;

/** Part of what an image loader gives; the last batch of a set may be short. */
export interface LabelledImages {
  /** [b, 3, S, S] with b ≤ the program's batch size. */
  readonly images: Float32Array;
  /** [b] */
  readonly labels: Int32Array;
}

/** An encoder that can be asked for features. */
export interface Encoder {
  /** Reads off these features and nothing else. */
  program(kinds: readonly FeatureName[]): Program;
  /** D */
  readonly width: number;
  /** Blocks. */
  readonly depth: number;
  /** L, patch tokens an image. */
  readonly patches: number;
  /** Where its parameters live. */
  readonly state: StateStore;
}

interface ExtractOptions<Kind extends FeatureName> {
  /** What is kept, of what the program reads off; default: CLS and mean. */
  readonly kinds?: readonly Kind[];
  /** How many images there will be, where it is known: no memory is spent on growing. */
  readonly images?: number;
}

/**
 * Runs every batch through an encoder.
 *
 * @param compiled a feature program, compiled once however often the encoder is evaluated
 * @param onBatch told how many images are done, for progress
 * @throws UserError where there are no images
 */
export async function runEncoder<Kind extends FeatureName = 'cls' | 'mean'>(
  compiled: CompiledProgram,
  state: StateStore,
  batches: AsyncIterable<LabelledImages>,
  onBatch?: (done: number) => void,
  { kinds = DISTINCT_KINDS as readonly FeatureName[] as readonly Kind[], images }: ExtractOptions<Kind> = {},
): Promise<ExtractedFeatures<Kind>> {
  const shape = compiled.program.batch.images!.shape;
  const rows = new Map(kinds.map((kind) => [kind, new RowBuffer(images)]));
  const labels: number[] = [];
  for await (const batch of batches) {
    const [readings] = await compiled.run(state, [{ images: padded(batch.images, shape) }]);
    for (const [kind, buffer] of rows) {
      const { data, shape: [, width] } = readings![kind]!;
      buffer.append((data as Float32Array).subarray(0, batch.labels.length * width!), width!);
    }
    for (const label of batch.labels) labels.push(label);
    onBatch?.(labels.length);
  }
  if (labels.length === 0) throw new UserError('MIM6001', 'There are no images to evaluate on.', 'Check `data.path` and `data.test_path`.');
  const shared = Int32Array.from(labels);
  return Object.fromEntries(Array.from(rows, ([kind, { features, width }]) => [kind, { features, width, labels: shared }])) as Record<Kind, LabelledFeatures>;
}

/** Rows that are collected into one array, which doubles when it is full. */
class RowBuffer {
  private data = new Float32Array(0);
  private used = 0;
  width = 0;

  constructor(private readonly expectedRows = 0) {}

  append(values: Float32Array, width: number): void {
    this.width = width;
    const needed = this.used + values.length;
    if (needed > this.data.length) {
      const larger = new Float32Array(this.used === 0 ? Math.max(this.expectedRows * width, needed) : Math.max(2 * this.data.length, needed));
      larger.set(this.data.subarray(0, this.used));
      this.data = larger;
    }
    this.data.set(values, this.used);
    this.used = needed;
  }

  /** What was appended; the array itself where it is exactly full. */
  get features(): Float32Array {
    return this.used === this.data.length ? this.data : this.data.slice(0, this.used);
  }
}

function padded(images: Float32Array, shape: readonly number[]) {
  const size = elementCount(shape);
  if (images.length === size) return float32(shape, images);
  const data = new Float32Array(size);
  data.set(images);
  return float32(shape, data);
}

/**
 * Refuses what no protocol can read: features that are not finite, images without a label.
 *
 * @throws UserError naming `which` set it is about
 */
export function checkFeatures(set: LabelledFeatures, which: string): void {
  const bad = set.features.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    throw new UserError('MIM6002', `The features of ${which} image ${Math.floor(bad / set.width)} are not finite.`, 'The encoder has diverged; evaluate an earlier checkpoint, or train with a lower learning rate.');
  }
  const unlabelled = set.labels.findIndex((label) => label < 0);
  if (unlabelled >= 0) {
    throw new UserError('MIM6003', `The ${which} image ${unlabelled} has no label.`, 'Probes need labelled images: class folders, or a format that stores labels.');
  }
}

/** The features of some of the images, in the order of `rows`. */
export function selectRows({ features, width, labels }: LabelledFeatures, rows: Uint32Array): LabelledFeatures {
  const selected = new Float32Array(rows.length * width);
  rows.forEach((row, i) => selected.set(features.subarray(row * width, (row + 1) * width), i * width));
  return { features: selected, width, labels: Int32Array.from(rows, (row) => labels[row]!) };
}
