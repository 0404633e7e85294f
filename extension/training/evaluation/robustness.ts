/** How a linear probe that was trained on clean images does on corrupted ones. */
import type { Engine } from '../engines/engine';
import { countClasses } from './accuracy';
import { sameEveryEpoch } from './epoch-parts';
import { checkFeatures, type LabelledFeatures } from './features';
import { scoreHeads } from './head-trainer';
import { linearHeads } from './linear-head';
import { fitProbe, sweepRecord, type ProbePreset, type SweepEntry } from './probe-fit';

/** Test images as corruptions leave them, a set for each corruption and severity. */
export interface CorruptedSets {
  readonly corruptions: readonly string[];
  /** Ascending. */
  readonly severities: readonly number[];
  /** What the severities are, in words. */
  readonly source: string;
  features(corruption: string, severity: number): Promise<LabelledFeatures>;
}

interface RobustnessOptions {
  /** Of the linear probe; without augmentation. */
  readonly preset: ProbePreset;
  readonly epochs?: number;
  readonly classes?: number;
  readonly seed: number;
  readonly corrupted: CorruptedSets;
  readonly onProgress?: (done: number, total: number) => void;
}

export interface RobustnessResult {
  readonly protocol: 'robustness';
  /** Mean over corruptions and severities. */
  readonly top1: number;
  /** Of the same probe on the images as they are. */
  readonly cleanTop1: number;
  /** By corruption, in the order of the severities. */
  readonly corruptedTop1: Readonly<Record<string, readonly number[]>>;
  readonly severities: readonly number[];
  readonly severitySource: string;
  readonly preset: ProbePreset['name'];
  readonly blr: number;
  readonly lr: number;
  readonly epochs: number;
  readonly sweep?: { readonly chosenOn: string; readonly validationImages: number; readonly tried: readonly SweepEntry[] };
  readonly trainImages: number;
  readonly testImages: number;
  readonly classes: number;
}

/** @throws UserError where features are not finite, labels are missing or there are too few images */
export async function robustness(engine: Engine, train: LabelledFeatures, test: LabelledFeatures, options: RobustnessOptions): Promise<RobustnessResult> {
  checkFeatures(train, 'training');
  checkFeatures(test, 'test');
  const { preset, epochs, seed, corrupted, onProgress } = options;
  const classes = countClasses(options.classes, train.labels, test.labels);
  const fitted = await fitProbe(engine, train, () => Promise.resolve(sameEveryEpoch(train)), { family: linearHeads, preset, epochs, classes, seed, onProgress });
  const { heads } = fitted;
  const accuracyOn = async (set: LabelledFeatures): Promise<number> => (await scoreHeads(engine, heads, set))[0]!.top1;
  try {
    const corruptedTop1: Record<string, number[]> = {};
    for (const corruption of corrupted.corruptions) {
      corruptedTop1[corruption] = [];
      for (const severity of corrupted.severities) corruptedTop1[corruption].push(await accuracyOn(await corrupted.features(corruption, severity)));
    }
    const all = Object.values(corruptedTop1).flat();
    return {
      protocol: 'robustness',
      top1: all.reduce((sum, value) => sum + value, 0) / all.length,
      cleanTop1: await accuracyOn(test),
      corruptedTop1,
      severities: corrupted.severities,
      severitySource: corrupted.source,
      preset: preset.name,
      blr: fitted.blr,
      lr: fitted.lr,
      epochs: fitted.epochs,
      ...sweepRecord(fitted),
      trainImages: train.labels.length,
      testImages: test.labels.length,
      classes,
    };
  } finally {
    heads.state.dispose();
  }
}
