/** Features of image sets that do not fit into memory whole. */
import type { LabelledFeatures, LabelledImages } from './features';

/** Computes the features of some batches of images, of which there are `images` at most. */
type ExtractPart = (batches: AsyncIterable<LabelledImages>, images: number) => Promise<LabelledFeatures>;

/**
 * Features in parts of as many batches as give `images` images or more, each computed when it is asked for and not kept.
 *
 * @param extract must read all batches it is given
 */
export async function* featureParts(batches: AsyncIterable<LabelledImages>, images: number, extract: ExtractPart): AsyncGenerator<LabelledFeatures> {
  const source = batches[Symbol.asyncIterator]();
  try {
    let next = await source.next();
    while (!next.done) {
      const part = async function* (): AsyncGenerator<LabelledImages> {
        for (let count = 0; count < images && !next.done; next = await source.next()) {
          count += next.value.labels.length;
          yield next.value;
        }
      };
      yield await extract(part(), images);
    }
  } finally {
    await source.return?.();
  }
}
