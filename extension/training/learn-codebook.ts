/** BEiT's codebook, learnt once before the training: k-means over what the teacher makes of patches of the first epoch's images. */
import { createHash } from 'node:crypto';
import { UserError } from '../core/problems';
import type { NamedTensors } from '../core/tensors';
import { float32 } from '../core/tensors';
import { ImageLoader } from './data/loader';
import type { CompiledProgram, Engine } from './engines/engine';
import { kMeans } from './k-means';
import { Beit, CODEBOOK } from './methods/beit';
import { nearestCodes } from './methods/codes';
import type { Prepared } from './prepare';
import { RandomStream } from './random';

/** Vectors that decide about a code; more cost time and change little. */
const VECTORS_PER_CODE = 64;
/** Rows whose nearest codes are computed at once. */
const CHUNK = 4096;

export interface LearntCodebook {
  /** `method.codebook` [V, D_T]. */
  readonly tensors: NamedTensors;
  /** For the run's environment.json. */
  readonly record: { readonly codes: number; readonly patches: number; readonly images: number; readonly sha256: string };
  /** For the log. */
  readonly note: string;
}

/**
 * Undefined for a method without a codebook. The same experiment on the same engine gives the same codes.
 * @throws UserError MIM5008 if the images have fewer patches than the codebook shall have codes
 */
export async function learnCodebook({ experiment, method, train }: Prepared, engine: Engine): Promise<LearntCodebook | undefined> {
  const { codebook } = experiment;
  if (!(method instanceof Beit) || !codebook) return undefined;
  const random = new RandomStream(experiment.seed, 'codebook');
  const width = method.parameters[CODEBOOK]!.shape[1]!;
  const { vectors, images } = await patchFeatures({ experiment, train }, method, engine, random);
  const patches = vectors.length / width;
  if (patches < codebook.size) {
    throw new UserError('MIM5008', `codebook.size is ${codebook.size}, but there are only ${patches} patches to learn the codes from.`, 'Use a smaller codebook, or more images (`codebook.images`, `data.limit`).');
  }
  const rows = Math.min(CHUNK, patches);
  const program = await engine.compile({
    name: 'nearest codes',
    state: {},
    constants: {},
    batch: { vectors: { shape: [rows, width], dtype: 'float32' }, codebook: { shape: [codebook.size, width], dtype: 'float32' } },
    run: ({ batch }) => ({ state: {}, readings: { codes: nearestCodes(batch['vectors']!, batch['codebook']!) } }),
  });
  try {
    const whole = vectors.subarray(0, Math.floor(patches / rows) * rows * width);
    const nearest = (centres: Float32Array): Promise<Int32Array> => codesOf(engine, program, whole, centres, rows, width);
    const centres = await kMeans({ vectors: whole, width, centres: codebook.size, iterations: codebook.iterations, random, nearest });
    const sha256 = createHash('sha256').update(new Uint8Array(centres.buffer, centres.byteOffset, centres.byteLength)).digest('hex');
    return {
      tensors: { [CODEBOOK]: float32([codebook.size, width], centres) },
      record: { codes: codebook.size, patches: whole.length / width, images, sha256 },
      note: `Codebook: ${codebook.size} codes from ${whole.length / width} patches of ${images} images, SHA-256 ${sha256.slice(0, 12)}…`,
    };
  } finally {
    await program.dispose();
  }
}

/** Features of patches drawn from the first images of the first epoch, augmented as training does. */
async function patchFeatures({ experiment, train }: Pick<Prepared, 'experiment' | 'train'>, method: Beit, engine: Engine, random: RandomStream): Promise<{ vectors: Float32Array; images: number }> {
  const { data, seed, codebook, student, derived: { microBatch, patchCount } } = experiment;
  const loader = new ImageLoader(train, { config: data, batchSize: microBatch, seed });
  const width = method.parameters[CODEBOOK]!.shape[1]!;
  const batches = Math.max(1, Math.min(loader.stepsPerEpoch, Math.ceil(codebook!.images / microBatch)));
  const perBatch = Math.min(microBatch * patchCount, Math.ceil((VECTORS_PER_CODE * codebook!.size) / batches));
  const shape = [microBatch, 3, student.imageSize, student.imageSize];
  const program = await engine.compile({
    name: 'features of patches',
    state: {},
    constants: method.constants,
    batch: { images: { shape, dtype: 'float32' } },
    run: ({ batch, constants }) => ({ state: {}, readings: { features: method.features(batch['images']!, constants) } }),
  });
  const state = engine.createState({});
  const vectors = new Float32Array(batches * perBatch * width);
  try {
    for (let i = 0; i < batches; i++) {
      const { images } = await loader.batch(0, i);
      const [readings] = await program.run(state, [{ images: float32(shape, images.slice()) }]);
      const features = readings!['features']!.data;
      random.permutation(microBatch * patchCount).subarray(0, perBatch).forEach((from, to) => vectors.set(features.subarray(from * width, (from + 1) * width), (i * perBatch + to) * width));
    }
  } finally {
    state.dispose();
    await Promise.allSettled([program.dispose(), loader.close()]);
  }
  return { vectors, images: batches * microBatch };
}

async function codesOf(engine: Engine, program: CompiledProgram, vectors: Float32Array, centres: Float32Array, rows: number, width: number): Promise<Int32Array> {
  const codes = new Int32Array(vectors.length / width);
  const codebook = float32([centres.length / width, width], centres);
  const state = engine.createState({});
  try {
    for (let first = 0; first < codes.length; first += rows) {
      const [readings] = await program.run(state, [{ vectors: float32([rows, width], vectors.subarray(first * width, (first + rows) * width)), codebook }]);
      codes.set(readings!['codes']!.data as Int32Array, first);
    }
  } finally {
    state.dispose();
  }
  return codes;
}
