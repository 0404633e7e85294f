/** What a student that predicts pixels makes of the patches it does not see, as images. */
import type { HostTensor, NamedSpecs } from '../../core/tensors';
import { float32 } from '../../core/tensors';
import type { Engine, Program, StateStore } from '../engines/engine';
import type { Method } from '../methods/method';

/** A method's `Reconstruction`, on the host. */
interface Predicted {
  readonly keepIds: HostTensor;
  readonly maskedIds: HostTensor;
  readonly predicted: HostTensor;
  readonly normalisedByPatch: boolean;
}

export interface ReconstructedImages {
  /** [3, S, S] each, normalised as the images: visible patches as they are, the others as predicted. */
  readonly images: readonly Float32Array[];
  /** The method predicts patches normalised by themselves, so that brightness and contrast were estimated. */
  readonly estimated: boolean;
}

interface ReconstructOptions {
  readonly engine: Engine;
  readonly method: Method;
  /** The training's, of which the method's parameters are read. */
  readonly state: StateStore;
  /** [B, 3, S, S], normalised. */
  readonly images: HostTensor;
  /** Masks of these images, as the method's masking draws them. */
  readonly drawn: Readonly<Record<string, HostTensor>>;
  readonly patchSize: number;
}

/** Undefined for a method that predicts no pixels. Drop-path is off, as in evaluation. */
export async function reconstruct({ engine, method, state, images, drawn, patchSize }: ReconstructOptions): Promise<ReconstructedImages | undefined> {
  if (!method.reconstruct) return undefined;
  const predicted = await predict(engine, method, state, { ...drawn, images });
  const [count, , side] = images.shape as [number, number, number, number];
  const pixels = 3 * side * side;
  const all = Array.from({ length: count }, (_, i) => paste(images.data.subarray(i * pixels, (i + 1) * pixels) as Float32Array, side, patchSize, predicted, i));
  return { images: all, estimated: predicted.normalisedByPatch };
}

async function predict(engine: Engine, method: Method, state: StateStore, batch: Record<string, HostTensor>): Promise<Predicted> {
  let normalisedByPatch = false;
  const program: Program = {
    name: `${method.name} reconstruction`,
    // The student's average, where that draws the masks.
    state: { ...method.parameters, ...Object.fromEntries(Object.entries(state.specs).filter(([name]) => name.startsWith('ema.'))) },
    constants: method.constants,
    batch: specsOf(batch),
    run: (inputs) => {
      const { keepIds, maskedIds, predicted, normalisedByPatch: normalised } = method.reconstruct!(inputs.state, inputs.batch, { ...inputs.constants, ...inputs.state });
      normalisedByPatch = normalised;
      return { state: {}, readings: { keepIds, maskedIds, predicted } };
    },
  };
  const compiled = await engine.compile(program);
  try {
    const [readings] = await compiled.run(state, [batch]);
    return { keepIds: readings!['keepIds']!, maskedIds: readings!['maskedIds']!, predicted: readings!['predicted']!, normalisedByPatch };
  } finally {
    await compiled.dispose();
  }
}

function specsOf(batch: Readonly<Record<string, HostTensor>>): NamedSpecs {
  return Object.fromEntries(Object.entries(batch).map(([name, { shape, dtype }]) => [name, { shape, dtype }]));
}

/** The visible patches of the image, and what was predicted of the others. */
function paste(image: Float32Array, side: number, patchSize: number, { keepIds, maskedIds, predicted, normalisedByPatch }: Predicted, index: number): Float32Array {
  const grid = side / patchSize;
  const size = 3 * patchSize * patchSize;
  const rowOf = (ids: HostTensor): Int32Array => {
    const count = ids.shape[1]!;
    return ids.data.subarray(index * count, (index + 1) * count) as Int32Array;
  };
  const masked = rowOf(maskedIds);
  const visible = normalisedByPatch ? Array.from(rowOf(keepIds), (patch) => ({ patch, ...lightOf(patchOf(image, side, patchSize, patch)) })) : [];
  const pasted = image.slice();
  // What is hidden and not predicted, as patches thrown away are, is left grey: the student has not seen it.
  const known = new Set([...rowOf(keepIds), ...masked]);
  for (let patch = 0; patch < grid * grid; patch++) if (!known.has(patch)) for (const offset of offsetsOf(side, patchSize, patch)) pasted[offset] = 0;
  masked.forEach((patch, i) => {
    const values = predicted.data.subarray((index * masked.length + i) * size, (index * masked.length + i + 1) * size);
    const { mean, deviation } = normalisedByPatch ? estimateLight(patch, visible, grid) : { mean: 0, deviation: 1 };
    offsetsOf(side, patchSize, patch).forEach((offset, k) => (pasted[offset] = values[k]! * deviation + mean));
  });
  return pasted;
}

interface Light {
  readonly mean: number;
  readonly deviation: number;
}

/** Reach of a visible patch's light, in patches. */
const REACH = 1.5;

/**
 * Mean and deviation of a hidden patch, from visible patches alone: their averages, weighted by closeness. Taking the patch's
 * own would show what the student never said.
 */
function estimateLight(patch: number, visible: readonly (Light & { patch: number })[], grid: number): Light {
  let weights = 0;
  let mean = 0;
  let deviation = 0;
  for (const other of visible) {
    const squared = (Math.floor(other.patch / grid) - Math.floor(patch / grid)) ** 2 + ((other.patch % grid) - (patch % grid)) ** 2;
    // A little for every distance, so that a patch far from all has their average.
    const weight = Math.exp(-squared / (2 * REACH ** 2)) + 1e-6;
    weights += weight;
    mean += weight * other.mean;
    deviation += weight * other.deviation;
  }
  return { mean: mean / weights, deviation: deviation / weights };
}

/** Mean and unbiased deviation, as `norm_pix` takes them. */
function lightOf(values: Float32Array): Light {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
  return { mean, deviation: Math.sqrt(variance) };
}

function patchOf(image: Float32Array, side: number, patchSize: number, patch: number): Float32Array {
  return Float32Array.from(offsetsOf(side, patchSize, patch), (offset) => image[offset]!);
}

/** Where the pixels of a patch lie in an image [3, S, S], in the order (channel, y, x). */
function offsetsOf(side: number, patchSize: number, patch: number): number[] {
  const grid = side / patchSize;
  const first = Math.floor(patch / grid) * patchSize * side + (patch % grid) * patchSize;
  const inPatch = patchSize * patchSize;
  return Array.from({ length: 3 * inPatch }, (_, i) => Math.floor(i / inPatch) * side * side + first + Math.floor((i % inPatch) / patchSize) * side + (i % patchSize));
}

/** [B, 3, S, S] of images one after another. */
export function imageBatch(images: Float32Array, imageSize: number): HostTensor {
  return float32([images.length / (3 * imageSize ** 2), 3, imageSize, imageSize], images);
}
