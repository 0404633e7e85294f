/**
 * Linear probes on a share of the labels (the semi-supervised protocol of SimCLR, Chen et al. 2020, sec. 4: 1 % and 10 %, the
 * same share of every class), here on frozen features. Which images keep their labels is drawn several times.
 */
import type { Engine } from '../engines/engine';
import { RandomStream } from '../random';
import { countClasses, type Accuracy } from './accuracy';
import { selectRows, type LabelledFeatures } from './features';
import { linearProbe, type LinearProbeOptions, type LinearProbeResult } from './linear-probe';

interface FewShotOptions extends Omit<LinearProbeOptions, 'featureEpochs' | 'augmentation'> {
  /** Share of the labels, above 0 and below 1. */
  readonly fraction: number;
  readonly draws: number;
  /** Which images are drawn; runs that share it are compared on the same ones. */
  readonly labelSeed: number;
}

interface LabelDraw {
  readonly top1: number;
  readonly trainTop1: number;
  readonly trainImages: number;
  readonly blr: number;
}

type Shared = Pick<LinearProbeResult, 'preset' | 'head' | 'optimizer' | 'momentum' | 'weightDecay' | 'epochs' | 'warmupEpochs' | 'schedule' | 'augmentation' | 'testImages' | 'classes'>;

/** Accuracies are means over the draws. */
export interface FewShotResult extends Omit<Accuracy, 'confusion'>, Shared {
  /** Each share is a protocol of its own: figures of different shares are never compared. */
  readonly protocol: `linear_${number}pct`;
  readonly labelFraction: number;
  readonly labelSeed: number;
  /** Standard deviation of top1 over the draws, of a sample; absent for one draw. */
  readonly top1Std?: number;
  readonly draws: readonly LabelDraw[];
}

/**
 * @throws UserError as the linear probe
 */
export async function fewShotProbe(engine: Engine, train: LabelledFeatures, test: LabelledFeatures, options: FewShotOptions): Promise<FewShotResult> {
  const { fraction, draws, labelSeed, onProgress, ...probe } = options;
  const classes = countClasses(options.classes, train.labels, test.labels);
  const results: LinearProbeResult[] = [];
  for (let draw = 0; draw < draws; draw++) {
    const rows = drawLabelled(train.labels, fraction, labelSeed, draw);
    const report = onProgress && ((done: number, total: number) => onProgress(draw * total + done, draws * total));
    results.push(await linearProbe(engine, selectRows(train, rows), test, { ...probe, classes, onProgress: report }));
  }
  const { preset, head, optimizer, momentum, weightDecay, epochs, warmupEpochs, schedule, augmentation, testImages } = results[0]!;
  const top1 = results.map((result) => result.top1);
  return {
    protocol: fewShotProtocol(fraction),
    preset,
    labelFraction: fraction,
    labelSeed,
    top1: mean(top1),
    ...(draws > 1 ? { top1Std: sampleDeviation(top1) } : {}),
    ...(results[0]!.top5 === undefined ? {} : { top5: mean(results.map((result) => result.top5!)) }),
    perClass: results[0]!.perClass.map((share, label) => (share === null ? null : mean(results.map(({ perClass }) => perClass[label]!)))),
    draws: results.map((result) => ({ top1: result.top1, trainTop1: result.trainTop1, trainImages: result.trainImages, blr: result.blr })),
    head, optimizer, momentum, weightDecay, epochs, warmupEpochs, schedule, augmentation, testImages, classes,
  };
}

/** `linear_1pct`. */
export function fewShotProtocol(fraction: number): FewShotResult['protocol'] {
  return `linear_${Number((100 * fraction).toPrecision(6))}pct`;
}

/**
 * Rows that keep their labels, ascending: of every class the share `fraction`, rounded, at least one. A pure function of
 * (labels, fraction, seed, draw); a larger share holds a smaller one of the same draw.
 */
export function drawLabelled(labels: Int32Array, fraction: number, seed: number, draw: number): Uint32Array {
  const rowsOf = new Map<number, number[]>();
  labels.forEach((label, row) => {
    const rows = rowsOf.get(label);
    if (rows) rows.push(row);
    else rowsOf.set(label, [row]);
  });
  const drawn = [...rowsOf].flatMap(([label, rows]) => {
    const order = new RandomStream(seed, 'label-fraction', draw, label).permutation(rows.length);
    return Array.from(order.subarray(0, Math.max(1, Math.round(fraction * rows.length))), (index) => rows[index]!);
  });
  return Uint32Array.from(drawn).sort();
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function sampleDeviation(values: readonly number[]): number {
  const centre = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (values.length - 1));
}
