/** What is known of a student's levels at a step: `diagnostics/step-N.json` of its run. */
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';

/** Means over the images, of the output or the attention of one block. */
export interface LevelDiagnostics {
  /** Of each head, in patches: a student and its teacher have the same grid, whatever their pixels. */
  readonly attentionDistance: readonly number[];
  /** Of each head, 0 to 1. */
  readonly attentionEntropy: readonly number[];
  /** Of each head, 0 to 1. */
  readonly attentionNmi: readonly number[];
  /** Mean cosine between heads; absent of one head alone. */
  readonly headLikeness?: number;
  /** Mean cosine between patch tokens of an image. */
  readonly tokenUniformity: number;
  /** Log amplitude of the highest frequency less that of frequency 0. */
  readonly fourierLogAmplitude: number;
  /** Directions that the mean patch token uses: 1 to the width. */
  readonly rankMe: number;
  /** Of the mean patch token over images; healthy near 1/√width, 0 collapsed. */
  readonly collapseStd: number;
}

/** Of ŷ_i and ȳ_i, means over tokens and images. */
export interface Agreement {
  readonly loss: number;
  readonly cosine: number;
}

export interface AlignedLevel extends Agreement {
  /** In the loss; 0 where it does not count. */
  readonly weight: number;
  readonly cls: Agreement;
  /** The visible ones. */
  readonly patches: Agreement;
}

export interface AlignmentDiagnostics {
  /** One a level of the teacher. */
  readonly levels: readonly AlignedLevel[];
  /** Share of the teacher's CLS attention on the visible patches, Σ_keep s / Σ s, mean over images. */
  readonly visibleAttention: number;
  /** What as many patches have on average if they are chosen without looking: their share, 1 − ratio. */
  readonly uniformAttention: number;
  /**
   * CKA by level of the student (rows) and of the teacher, as `cka`, but of a student that sees the visible patches alone;
   * the teacher sees the whole image. What it lacks of `cka` is the gap between the inputs of training and of evaluation.
   */
  readonly visibleCka: readonly (readonly number[])[];
}

/** The loss of the method, nothing else changed, by how much is hidden. */
export interface RatioCurve {
  /** As in `masking.strategy`. */
  readonly strategy: string;
  /** By rising ratio, those that the method allows. @remarks `keep`: patches that stay visible. */
  readonly points: readonly { readonly ratio: number; readonly keep: number; readonly loss: number }[];
}

export interface Diagnostics {
  readonly step: number;
  readonly images: number;
  /** Side of the token grid, which distances are in patches of. */
  readonly grid: number;
  /** `student`, or `checkpoint` of weights that are in no run; `random`, the student before its first step; `teacher`. */
  readonly encoders: readonly { readonly subject: 'student' | 'checkpoint' | 'random' | 'teacher'; readonly levels: readonly LevelDiagnostics[] }[];
  /** CKA by level of the student (rows) and of the teacher; absent without a teacher. */
  readonly cka?: readonly (readonly number[])[];
  /** Of MaskAlign, where more than the weights is known. */
  readonly alignment?: AlignmentDiagnostics;
  /** Where it was asked for. */
  readonly lossByRatio?: readonly RatioCurve[];
}

/** JSON has null for what is not a number, such as the likeness of tokens where there is one. */
const measure = z.number().nullable().transform((value) => value ?? NaN);
const matrix = z.array(z.array(measure));
const agreement = z.object({ loss: measure, cosine: measure });

const recordSchema = z.object({
  step: z.int().min(0),
  images: z.int(),
  grid: z.number(),
  encoders: z.array(
    z.object({
      subject: z.enum(['student', 'checkpoint', 'random', 'teacher']),
      levels: z.array(
        z.object({
          attentionDistance: z.array(measure), attentionEntropy: z.array(measure), attentionNmi: z.array(measure), headLikeness: measure.optional(),
          tokenUniformity: measure, fourierLogAmplitude: measure, rankMe: measure, collapseStd: measure,
        }),
      ),
    }),
  ),
  cka: matrix.optional(),
  alignment: z
    .object({ levels: z.array(agreement.extend({ weight: z.number(), cls: agreement, patches: agreement })), visibleAttention: measure, uniformAttention: measure, visibleCka: matrix })
    .optional(),
  lossByRatio: z.array(z.object({ strategy: z.string(), points: z.array(z.object({ ratio: z.number(), keep: z.number(), loss: measure })) })).optional(),
}) satisfies z.ZodType<Diagnostics>;

const NAME = /^step-(\d+)\.json$/;

/** Of a run's folder, ascending. */
export async function diagnosedSteps(run: string): Promise<number[]> {
  const names = await readdir(path.join(run, 'diagnostics')).catch(() => []);
  return names.flatMap((name) => NAME.exec(name)?.[1] ?? []).map(Number).sort((a, b) => a - b);
}

/** Undefined where there is none, or one that is damaged. */
export async function readDiagnostics(run: string, step: number): Promise<Diagnostics | undefined> {
  try {
    return recordSchema.parse(JSON.parse(await readFile(path.join(run, 'diagnostics', `step-${step}.json`), 'utf8')));
  } catch {
    return undefined;
  }
}
