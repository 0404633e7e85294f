/** How often an encoder must see the images so that the features asked of it fit into memory. */
import type { FeatureKind } from '../../core/config/evaluation-choices';
import { featureName, type FeatureName } from './features';

/** Features held at once, unless those of one kind and layer alone are more. */
const MAX_BYTES = 2 * 2 ** 30;

/** Something that reads features of a kind after a layer (undefined: the last). */
export interface FeatureReader {
  readonly kind: FeatureKind;
  readonly layer?: number;
}

export interface FeaturePass<Reader extends FeatureReader> {
  readonly names: readonly FeatureName[];
  readonly readers: readonly Reader[];
}

/**
 * In the order of the readers; what several of them read is computed once a pass, and they share a pass where they stand together.
 *
 * @param images whose features are held, training and test images together
 * @param width D of the encoder
 */
export function featurePasses<Reader extends FeatureReader>(readers: readonly Reader[], images: number, width: number, maxBytes = MAX_BYTES): FeaturePass<Reader>[] {
  const bytesOf = ({ kind }: FeatureReader): number => 4 * images * (kind === 'both' ? 2 * width : width);
  const passes: { names: FeatureName[]; readers: Reader[]; bytes: number }[] = [];
  for (const reader of readers) {
    const name = featureName(reader.kind, reader.layer);
    const bytes = bytesOf(reader);
    const pass = passes.find(({ names }) => names.includes(name)) ?? passes.find((held) => held.bytes + bytes <= maxBytes);
    if (pass === undefined) {
      passes.push({ names: [name], readers: [reader], bytes });
      continue;
    }
    if (!pass.names.includes(name)) {
      pass.names.push(name);
      pass.bytes += bytes;
    }
    pass.readers.push(reader);
  }
  return passes;
}
