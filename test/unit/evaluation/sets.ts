/** Small labelled feature sets for the tests of the evaluation room. */
import type { LabelledFeatures } from '../../../extension/training/evaluation/features';
import { RandomStream } from '../../../extension/training/random';

/** One Gaussian blob a class around the same centres for every `draw`; images cycle through the classes. */
export function blobs(images: number, classes: number, width: number, spread: number, draw: number): LabelledFeatures {
  const centre = new RandomStream(7, 'centres');
  const centres = Float32Array.from({ length: classes * width }, () => centre.normal());
  const random = new RandomStream(7, 'blobs', draw);
  const labels = Int32Array.from({ length: images }, (_, i) => i % classes);
  const features = Float32Array.from({ length: images * width }, (_, at) => centres[labels[Math.floor(at / width)]! * width + (at % width)]! + spread * random.normal());
  return { features, width, labels };
}

export function withLabels(set: LabelledFeatures, label: (index: number) => number): LabelledFeatures {
  return { ...set, labels: set.labels.map((_, i) => label(i)) };
}

export function reordered({ features, width, labels }: LabelledFeatures, order: Uint32Array): LabelledFeatures {
  const moved = new Float32Array(features.length);
  order.forEach((row, i) => moved.set(features.subarray(row * width, (row + 1) * width), i * width));
  return { features: moved, width, labels: Int32Array.from(order, (row) => labels[row]!) };
}
