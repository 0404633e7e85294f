/** About how much memory a training takes, from its shapes alone. */
import type { ResolvedExperiment, VitShape } from '../config/schema';

const GIB = 2 ** 30;
/** Node.js, the libraries, loader threads and the compiled graph. */
const BASE = 0.5 * GIB;
/** Weights, gradients and two moments, each of which a step reads in one set and writes in another; in float32. */
const BYTES_A_PARAMETER = 8 * 4;
/** Values kept of each token and block for the backward pass, in units of the width. */
const KEPT_A_TOKEN = 34;

/** GiB. */
export function estimateMemory({ student, derived, method, data }: ResolvedExperiment): number {
  const parameters = parametersOf(student);
  const tokens = derived.keepCount + 1;
  const activations = derived.microBatch * student.depth * (tokens * KEPT_A_TOKEN * student.width + 4 * student.heads * tokens ** 2) * 4;
  // Forward only: two layers at a time.
  const teacher = method === 'maskalign' ? parameters * 4 + derived.microBatch * (derived.patchCount + 1) * student.width * (student.depth + 12) * 4 : 0;
  const images = 6 * derived.microBatch * 3 * data.image_size ** 2 * 4;
  return Math.ceil(((BASE + parameters * BYTES_A_PARAMETER + activations + teacher + images) / GIB) * 10) / 10;
}

function parametersOf({ depth, width, mlpRatio, patchSize }: VitShape): number {
  return depth * (4 + 2 * mlpRatio) * width ** 2 + 3 * patchSize ** 2 * width;
}
