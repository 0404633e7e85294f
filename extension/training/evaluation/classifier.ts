/** The accuracy of a classifier that was trained with its encoder, read off frozen features: no probe is fitted. */
import type { FeatureKind } from '../../core/config/evaluation-choices';
import type { HostTensor } from '../../core/tensors';
import { AccuracyCounter, type Accuracy } from './accuracy';
import type { LabelledFeatures } from './features';

/** `head.weight` [C, D] and `head.bias` [C], and the features they were trained on. */
export interface ClassifierHead {
  readonly weight: HostTensor;
  readonly bias: HostTensor;
  readonly features: FeatureKind;
}

export interface ClassifierResult extends Accuracy {
  readonly protocol: 'classifier';
  readonly testImages: number;
  readonly classes: number;
}

/** @param test features of the kind the head reads, width D */
export function classify({ weight, bias }: ClassifierHead, test: LabelledFeatures): ClassifierResult {
  const classes = weight.shape[0]!;
  const counter = new AccuracyCounter(classes);
  const logits = new Float64Array(classes);
  for (let image = 0; image < test.labels.length; image++) {
    for (let c = 0; c < classes; c++) {
      let logit = bias.data[c]!;
      for (let d = 0; d < test.width; d++) logit += weight.data[c * test.width + d]! * test.features[image * test.width + d]!;
      logits[c] = logit;
    }
    counter.add(test.labels[image]!, logits);
  }
  return { protocol: 'classifier', ...counter.result(), testImages: test.labels.length, classes };
}
