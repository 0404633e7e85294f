/** The preview of an experiment before it is trained: its first images, augmented and masked as they will be. */
import type { Tensor } from '@tensorflow/tfjs-core';
import { hidesPatches, readsTeacher } from '../../core/config/method-traits';
import type { ResolvedExperiment } from '../../core/config/schema';
import { UserError } from '../../core/problems';
import type { HostTensor } from '../../core/tensors';
import { elementCount, float32 } from '../../core/tensors';
import type { Engine, Program, Readings } from '../engines/engine';
import { createMasking } from '../masking/create';
import type { MaskingStrategy } from '../masking/strategy';
import { visibleAttention } from '../masking/visible-attention';
import { drawStream } from '../random';
import type { PreparedTeacher } from '../teachers/prepare';
import { runTeacher } from '../teachers/teacher';
import { previewSheet } from './sheet';
import type { PreviewImage, PreviewSheet } from './sheet';

interface PreviewOptions {
  readonly engine: Engine;
  /** [B, 3, S, S]: the first B images of the experiment's first epoch, in the loader's order. */
  readonly images: Float32Array;
  /** A caption for each image: its class, or its file. */
  readonly names?: readonly string[];
  /** Absent where the method has none. An EMA teacher starts as the initial student. */
  readonly teacher?: PreparedTeacher;
}

export interface Preview {
  readonly png: Buffer;
  readonly images: number;
  readonly patchCount: number;
  /** Visible patches of each image; equal to `patchCount` where nothing is masked. */
  readonly keepCount: number;
  /** int32 [B, keepCount]: the visible patches of each image, absent where nothing is masked. */
  readonly keepIds?: HostTensor;
  /** Mean share of the teacher's attention on visible patches, where there is a teacher and a mask. */
  readonly visibleAttention?: number;
}

/** What the student would see of some images, before it is drawn. */
interface Looked extends Pick<Preview, 'keepCount' | 'keepIds'> {
  readonly sheet: PreviewSheet;
  /** What the host drew for the masks; empty where nothing is masked. */
  readonly drawn: Record<string, HostTensor>;
}

/**
 * The masks are those of training's first steps: the same draws for the same images, and the teacher's attention at
 * that moment, which for a frozen teacher is its attention at any moment.
 *
 * @throws UserError where masking is attentive and there is no teacher to attend
 */
export async function lookAt(experiment: ResolvedExperiment, { engine, images, names, teacher }: PreviewOptions): Promise<Looked> {
  const { student, data, masking, derived } = experiment;
  const { patchCount, keepCount } = derived;
  const pixels = 3 * student.imageSize ** 2;
  const count = images.length / pixels;
  const masks = hidesPatches(experiment.method) && keepCount < patchCount;
  const strategy = masks ? createMasking(masking, patchCount, keepCount) : undefined;
  if (strategy?.readsScores && !teacher) {
    throw new UserError('MIM6101', 'Attentive masking asks a teacher where to look, and this experiment has none.', readsTeacher(experiment) ? 'Set `teacher.checkpoint`, or `masking.strategy: random`.' : 'Set `masking.strategy: random`.');
  }
  const drawn = strategy ? firstDraws(experiment, strategy, count) : {};
  const { scores, keepIds } = await look(engine, float32([count, 3, student.imageSize, student.imageSize], images), teacher, strategy, drawn);
  const rows = Array.from({ length: count }, (_, i): PreviewImage => ({
    image: images.subarray(i * pixels, (i + 1) * pixels),
    name: names?.[i],
    keepIds: keepIds?.data.subarray(i * keepCount, (i + 1) * keepCount),
    scores: scores?.data.subarray(i * patchCount, (i + 1) * patchCount),
  }));
  const sheet: PreviewSheet = {
    images: rows,
    imageSize: student.imageSize,
    patchSize: student.patchSize,
    mean: data.mean,
    std: data.std,
    title: masks ? `${experiment.name}: ${masking.strategy} masking, ratio ${masking.ratio}` : experiment.name,
  };
  return { sheet, drawn, keepCount: masks ? keepCount : patchCount, ...(keepIds ? { keepIds } : {}) };
}

/** The same as one picture, with its figures. @throws UserError as {@link lookAt} */
export async function previewExperiment(experiment: ResolvedExperiment, options: PreviewOptions): Promise<Preview> {
  const { sheet, drawn: _drawn, ...looked } = await lookAt(experiment, options);
  const shares = sheet.images.flatMap((row) => (row.keepIds && row.scores ? [visibleAttention(row.keepIds, row.scores)] : []));
  return {
    png: await previewSheet(sheet),
    images: sheet.images.length,
    patchCount: experiment.derived.patchCount,
    ...looked,
    ...(shares.length > 0 ? { visibleAttention: shares.reduce((a, b) => a + b) / shares.length } : {}),
  };
}

/**
 * What training draws for the first `count` images of the first epoch. A draw is made for a whole micro-batch, so whole
 * ones are drawn here and the surplus of the last is cut off.
 */
function firstDraws({ seed, optimizer, derived: { microBatch } }: ResolvedExperiment, strategy: MaskingStrategy, count: number): Record<string, HostTensor> {
  const drawn = Array.from({ length: Math.ceil(count / microBatch) }, (_, i) =>
    strategy.draw(drawStream(seed, Math.floor(i / optimizer.accumulate), i % optimizer.accumulate), microBatch),
  );
  return Object.fromEntries(Object.entries(strategy.specs(count, true)).map(([name, spec]) => [name, joinedRows(drawn.map((part) => part[name]!), spec.shape)]));
}

/** Rows of the parts one after another, as many as `shape` has. */
function joinedRows(parts: readonly HostTensor[], shape: readonly number[]): HostTensor {
  const size = elementCount(shape);
  const first = parts[0]!;
  const data = first.dtype === 'int32' ? new Int32Array(size) : new Float32Array(size);
  let at = 0;
  for (const part of parts) {
    const fitting = part.data.subarray(0, size - at);
    data.set(fitting, at);
    at += fitting.length;
  }
  return { ...first, shape, data };
}

/** The teacher's scores and the strategy's choice, by the arithmetic of a training step. */
async function look(engine: Engine, images: HostTensor, teacher: PreparedTeacher | undefined, strategy: MaskingStrategy | undefined, drawn: Record<string, HostTensor>): Promise<Readings> {
  if (!teacher && !strategy) return {};
  const program: Program = {
    name: 'preview',
    state: {},
    constants: teacher?.tensors ?? {},
    batch: { ...(teacher ? { images: { shape: images.shape, dtype: 'float32' } } : {}), ...strategy?.specs(images.shape[0]!) },
    run: ({ constants, batch }) => {
      const keep = (scores: Tensor | undefined): Tensor | undefined => strategy?.keepIds(batch, scores);
      const { scores, keepIds } = teacher ? runTeacher(constants, teacher.shape, batch['images']!, { levels: [], scores: true, keep }) : { keepIds: keep(undefined) };
      return { state: {}, readings: { ...(scores ? { scores } : {}), ...(keepIds ? { keepIds } : {}) } };
    },
  };
  const compiled = await engine.compile(program);
  const state = engine.createState({});
  try {
    const [readings] = await compiled.run(state, [{ ...(teacher ? { images } : {}), ...drawn }]);
    return readings!;
  } finally {
    state.dispose();
    await compiled.dispose();
  }
}
