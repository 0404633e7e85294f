/** The preview of an experiment before it is trained: its first images, augmented and masked as they will be. */
import type { ResolvedExperiment } from '../../core/config/schema';
import { UserError } from '../../core/problems';
import { float32 } from '../../core/tensors';
import type { HostTensor } from '../../core/tensors';
import type { Engine, Program } from '../engines/engine';
import { attentiveKeepIds, drawGumbelNoise } from '../masking/attentive';
import { drawRandomKeepIds } from '../masking/random';
import { RandomStream } from '../random';
import type { PreparedTeacher } from '../teachers/prepare';
import { teacherFeatures } from '../teachers/teacher';
import { previewSheet, visibleAttention } from './sheet';
import type { PreviewImage } from './sheet';

export interface PreviewOptions {
  readonly engine: Engine;
  /** [B, 3, S, S]: a training batch of the experiment's loader. */
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
  /** Mean share of the teacher's attention on visible patches, where there is a teacher and a mask. */
  readonly visibleAttention?: number;
}

/**
 * The masks are drawn as in training, from the experiment's strategy, ratio and seed.
 *
 * @throws UserError where masking is attentive and there is no teacher to attend
 */
export async function previewExperiment(experiment: ResolvedExperiment, { engine, images, names, teacher }: PreviewOptions): Promise<Preview> {
  const { student, data, masking, derived } = experiment;
  const { patchCount, keepCount } = derived;
  const pixels = 3 * student.imageSize ** 2;
  const count = images.length / pixels;
  const scores = teacher ? await clsAttention(engine, teacher, student.imageSize, images, count) : undefined;
  const masks = experiment.method === 'maskalign' && keepCount < patchCount;
  const keepIds = masks ? drawKeepIds(experiment, count, scores) : undefined;
  const rows = Array.from({ length: count }, (_, i): PreviewImage => ({
    image: images.subarray(i * pixels, (i + 1) * pixels),
    name: names?.[i],
    keepIds: keepIds?.data.subarray(i * keepCount, (i + 1) * keepCount),
    scores: scores?.data.subarray(i * patchCount, (i + 1) * patchCount),
  }));
  const png = await previewSheet({
    images: rows,
    imageSize: student.imageSize,
    patchSize: student.patchSize,
    mean: data.mean,
    std: data.std,
    title: masks ? `${experiment.name}: ${masking.strategy} masking, ratio ${masking.ratio}` : experiment.name,
  });
  const shares = rows.flatMap((row) => (row.keepIds && row.scores ? [visibleAttention(row.keepIds, row.scores)] : []));
  return {
    png,
    images: count,
    patchCount,
    keepCount: masks ? keepCount : patchCount,
    ...(shares.length > 0 ? { visibleAttention: shares.reduce((a, b) => a + b) / shares.length } : {}),
  };
}

/** [B, L] */
async function clsAttention(engine: Engine, teacher: PreparedTeacher, imageSize: number, images: Float32Array, count: number): Promise<HostTensor> {
  const shape = [count, 3, imageSize, imageSize];
  const program: Program = {
    name: 'teacher-attention',
    state: {},
    constants: teacher.tensors,
    batch: { images: { shape, dtype: 'float32' } },
    run: ({ constants, batch }) => ({ state: {}, readings: { attention: teacherFeatures(constants, teacher.shape, batch.images!, { attention: true }).clsAttention! } }),
  };
  const compiled = await engine.compile(program);
  const state = engine.createState({});
  try {
    const [readings] = await compiled.run(state, [{ images: float32(shape, images) }]);
    return readings!.attention!;
  } finally {
    state.dispose();
    await compiled.dispose();
  }
}

function drawKeepIds({ masking, derived: { patchCount, keepCount }, seed }: ResolvedExperiment, count: number, scores: HostTensor | undefined): HostTensor {
  const random = new RandomStream(seed, 'preview-mask');
  if (masking.strategy === 'random') return drawRandomKeepIds(random, count, patchCount, keepCount);
  if (!scores) {
    throw new UserError('MIM6101', 'Attentive masking asks a teacher where to look, and this experiment has none.', 'Set `teacher.checkpoint`, or `masking.strategy: random`.');
  }
  return attentiveKeepIds(scores, drawGumbelNoise(random, count, patchCount), keepCount);
}
