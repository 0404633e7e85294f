/** Labels are looked at before training: a probe that finds none hours later would help nobody. */
import { UserError } from '../../core/problems';
import type { ImageSource } from './source';

/**
 * @param classCount classes of the training images
 * @param reader what needs the labels, as the beginning of a sentence
 * @throws UserError MIM1203 where an image has no label below `classCount`
 */
export function requireLabels(source: ImageSource, which: 'training' | 'test', classCount: number, reader: string): void {
  const hint = 'Give labelled images: one folder a class, shards with .cls companions, or a labelled format such as CIFAR.';
  if (classCount === 0) throw new UserError('MIM1203', `${reader} needs labels, and the training images have none (${source.describe()}).`, hint, 2);
  let unlabelled = 0;
  let first = 0;
  for (let index = source.length - 1; index >= 0; index--) {
    const label = source.label(index);
    if (label >= 0 && label < classCount) continue;
    unlabelled++;
    first = index;
  }
  if (unlabelled === 0) return;
  throw new UserError('MIM1203', `${reader} needs labels, and ${unlabelled} of ${source.length} ${which} images have none that training images have; the first is ${source.name(first)}.`, hint, 2);
}
