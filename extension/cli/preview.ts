/** Everything `mim preview` puts together: the first training batch, the teacher, an engine, the sheet. */
import { plainVit } from '../core/checkpoints/teacher-shape';
import { inFloat32 } from '../core/config/engine-traits';
import type { LoadedExperiment } from '../core/config/load';
import type { FetchOptions } from '../core/hub/fetch-weights';
import { ImageLoader } from '../training/data/loader';
import { createEngine } from '../training/engines/create';
import { initialVit } from '../training/nn/initialise';
import { sinCosPositions } from '../training/nn/positions';
import { prepare, type Prepared } from '../training/prepare';
import { previewExperiment, type Preview } from '../training/preview/preview-experiment';
import { RandomStream } from '../training/random';
import { prepareTeacher, type PreparedTeacher } from '../training/teachers/prepare';

/**
 * @param count images; the first of the first epoch, augmented as training would
 * @param fetching who hears of a teacher that is downloaded
 */
export async function drawPreview(loaded: LoadedExperiment, file: string, count: number, fetching: FetchOptions): Promise<Preview> {
  const prepared = await prepare(loaded.resolved, { ...loaded, file }, fetching);
  const { experiment, train } = prepared;
  const loader = new ImageLoader(train, { config: experiment.data, batchSize: Math.min(count, train.length), seed: experiment.seed });
  const { engine } = await createEngine(inFloat32(experiment.engine));
  try {
    const { images, labels } = await loader.batch(0, 0);
    const names = Array.from(labels, (label) => train.classNames[label] ?? '');
    return await previewExperiment(experiment, { engine, images, names, teacher: teacherOf(prepared) });
  } finally {
    await loader.close();
    await engine.dispose();
  }
}

function teacherOf({ teacher, experiment: { student, data, seed, teacher: config } }: Prepared): PreparedTeacher | undefined {
  if (teacher !== undefined) return prepareTeacher(teacher, student, data);
  if (config?.ema === undefined) return undefined;
  // A self-teacher as it starts: the untrained student.
  const positions = sinCosPositions(student.width, student.imageSize / student.patchSize);
  return { tensors: { ...initialVit(new RandomStream(seed, 'initialise'), student), pos_embed: positions }, shape: plainVit(student, data.mean, data.std) };
}
