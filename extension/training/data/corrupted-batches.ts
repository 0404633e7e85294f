/** Batches of evaluation images as a corruption leaves them. */
import { RandomStream } from '../random';
import { corrupt, CORRUPTIONS, type Corruption, type Severity } from './corruptions';
import type { ImageBatch } from './loader';
import { normalisationTable, writeNormalised } from './transform';

interface CorruptionSettings {
  readonly corruption: Corruption;
  readonly severity: Severity;
  /** With the image's index, the corruption and its severity it gives the noise: the same whatever the batches. */
  readonly seed: number;
  /** Side of the images in pixels. */
  readonly side: number;
  /** Of the normalisation that the images carry, and carry again. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** The same labels and indices; the images are copies. */
export async function* corruptedBatches(batches: AsyncIterable<ImageBatch>, settings: CorruptionSettings): AsyncGenerator<ImageBatch> {
  const { corruption, severity, seed, side, mean, std } = settings;
  const table = normalisationTable(mean, std);
  const size = 3 * side * side;
  for await (const batch of batches) {
    const images = new Float32Array(batch.images.length);
    const corrupted = Array.from(batch.indices, (index, i) => {
      const rgb = bytesOf(batch.images.subarray(i * size, (i + 1) * size), side, mean, std);
      return corrupt(rgb, side, corruption, severity, new RandomStream(seed, 'corruption', CORRUPTIONS.indexOf(corruption), severity, index));
    });
    for (const [i, rgb] of (await Promise.all(corrupted)).entries()) await writeNormalised(rgb, side, false, table, images, i * size);
    yield { ...batch, images };
  }
}

/** The bytes that were normalised, exactly. @param image [3, side, side]; @returns [side, side, 3] */
function bytesOf(image: Float32Array, side: number, mean: readonly number[], std: readonly number[]): Uint8Array {
  const plane = side * side;
  return Uint8Array.from({ length: 3 * plane }, (_, at) => {
    const channel = at % 3;
    return Math.round(255 * (image[channel * plane + (at - channel) / 3]! * std[channel]! + mean[channel]!));
  });
}
