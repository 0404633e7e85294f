/**
 * Frozen features of a whole image set, computed through an engine.
 *
 * Both kinds come out of one pass: the CLS token and the mean of the patch tokens, each after the encoder's final
 * norm. Batches have a fixed size (programs are static), so the last one is padded with zeros and its surplus dropped.
 */
import type { Tensor } from '@tensorflow/tfjs-core';
import { elementCount, float32 } from '../../core/tensors';
import type { NamedSpecs, NamedTensors } from '../../core/tensors';
import { UserError } from '../../core/problems';
import type { CompiledProgram, Program, StateStore } from '../engines/engine';

export type FeatureKind = 'cls' | 'mean';

/** What a result says of where its features were read. */
export const FEATURE_SOURCES: Readonly<Record<FeatureKind, string>> = {
  cls: 'CLS token after the final norm',
  mean: 'mean of the patch tokens after the final norm',
};

/** cls and mean: [B, D]. */
export type EncoderFeatures = Readonly<Record<FeatureKind, Tensor>>;

export interface FeatureProgramOptions {
  readonly name: string;
  /** Parameters that live in a state store (a student); empty for a frozen teacher. */
  readonly state?: NamedSpecs;
  /** Frozen values: a teacher's weights, position tables. */
  readonly constants?: NamedTensors;
  readonly batchSize: number;
  readonly imageSize: number;
  /** images: [B, 3, S, S], normalised as the loader gives them. */
  forward(state: Readonly<Record<string, Tensor>>, constants: Readonly<Record<string, Tensor>>, images: Tensor): EncoderFeatures;
}

/** A program that reads `images` and returns both kinds of features. */
export function featureProgram(options: FeatureProgramOptions): Program {
  const { batchSize, imageSize } = options;
  return {
    name: options.name,
    state: options.state ?? {},
    constants: options.constants ?? {},
    batch: { images: { shape: [batchSize, 3, imageSize, imageSize], dtype: 'float32' } },
    run({ state, constants, batch }) {
      const { cls, mean } = options.forward(state, constants, batch.images!);
      return { state: {}, readings: { cls, mean } };
    },
  };
}

/** Features of N images with their labels. */
export interface LabelledFeatures {
  /** [N, width], row-major. */
  readonly features: Float32Array;
  readonly width: number;
  /** [N] */
  readonly labels: Int32Array;
}

/** Both kinds of features of N images. */
export interface ExtractedFeatures {
  readonly cls: LabelledFeatures;
  readonly mean: LabelledFeatures;
}

/** Part of what an image loader gives; the last batch of a set may be short. */
export interface LabelledImages {
  /** [b, 3, S, S] with b ≤ the program's batch size. */
  readonly images: Float32Array;
  /** [b] */
  readonly labels: Int32Array;
}

/** An encoder that can be asked for features: its program, and where its parameters live. */
export interface Encoder {
  readonly program: Program;
  readonly state: StateStore;
}

/**
 * Runs every batch through an encoder.
 *
 * @param compiled a feature program, compiled once however often the encoder is evaluated
 * @param onBatch told how many images are done, for progress
 * @throws UserError where there are no images
 */
export async function runEncoder(compiled: CompiledProgram, state: StateStore, batches: AsyncIterable<LabelledImages>, onBatch?: (done: number) => void): Promise<ExtractedFeatures> {
  const shape = compiled.program.batch.images!.shape;
  const collected: Record<FeatureKind, Float32Array[]> = { cls: [], mean: [] };
  const labels: number[] = [];
  for await (const batch of batches) {
    const [readings] = await compiled.run(state, [{ images: padded(batch.images, shape) }]);
    for (const kind of ['cls', 'mean'] as const) {
      const rows = readings![kind]!;
      collected[kind].push((rows.data as Float32Array).slice(0, batch.labels.length * rows.shape[1]!));
    }
    for (const label of batch.labels) labels.push(label);
    onBatch?.(labels.length);
  }
  if (labels.length === 0) throw new UserError('MIM6001', 'There are no images to evaluate on.', 'Check `data.path` and `data.test_path`.');
  const joined = (kind: FeatureKind): LabelledFeatures => {
    const features = concatenate(collected[kind]);
    return { features, width: features.length / labels.length, labels: Int32Array.from(labels) };
  };
  return { cls: joined('cls'), mean: joined('mean') };
}

function padded(images: Float32Array, shape: readonly number[]) {
  const size = elementCount(shape);
  if (images.length === size) return float32(shape, images);
  const data = new Float32Array(size);
  data.set(images);
  return float32(shape, data);
}

function concatenate(chunks: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let offset = 0;
  for (const chunk of chunks) {
    all.set(chunk, offset);
    offset += chunk.length;
  }
  return all;
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
