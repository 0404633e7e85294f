/** A resolved experiment ⇄ the config.yaml of its run, exactly: what a run is resumed from. */
import { Document, isScalar, visit } from 'yaml';
import * as z from 'zod';
import { UserError } from '../problems';
import { type ResolvedExperiment, type VitShape, averageSchema, dataSchema, decoderSchema, engineSchema, maskingSchema, optimizerSchema, reconstructionSchema, scheduleSchema, teacherSchema, vitSchema, writtenExperimentSchema } from './schema';
import { YamlTree } from './yaml-tree';

const derivedSchema = z.strictObject({
  learningRate: z.number(),
  levels: z.string(),
  patchCount: z.int(),
  keepCount: z.int(),
  microBatch: z.int(),
}) satisfies z.ZodType<ResolvedExperiment['derived']>;

/** An experiment in which nothing is left to be resolved. */
const frozenSchema = writtenExperimentSchema.omit({ sweep: true, launcher: true }).extend({
  name: z.string(),
  data: dataSchema.required({ crop_scale: true, flip: true }),
  student: vitSchema.omit({ preset: true }).required(),
  teacher: teacherSchema.extend({ ema: averageSchema.required({ momentum: true, momentum_end: true }).optional() }).optional(),
  masking: maskingSchema.required({ strategy: true, ratio: true }),
  decoder: decoderSchema.required({ depth: true, width: true, heads: true }).optional(),
  reconstruction: reconstructionSchema.required({ loss: true }).optional(),
  optimizer: optimizerSchema.required({ blr: true, betas: true }),
  schedule: scheduleSchema.required({ warmup_epochs: true, min_lr: true }),
  engine: engineSchema,
  derived: derivedSchema,
});

type FrozenExperiment = z.output<typeof frozenSchema>;

const HEADER = ' Frozen by `mim` when the run was made: every default written out, every path absolute.\n It can be run again as it is; `derived` is then computed anew.';

/** YAML text from which {@link parseResolved} gives back the same experiment. The same experiment gives the same text. */
export function freezeResolved(resolved: ResolvedExperiment): string {
  // Parsing puts the keys into the order of the schema.
  const document = new Document(frozenSchema.parse({ ...resolved, student: writtenVit(resolved.student) }), { aliasDuplicateObjects: false });
  document.commentBefore = HEADER;
  visit(document, {
    Seq(_key, list) {
      list.flow = list.items.every((item) => isScalar(item));
    },
  });
  return document.toString({ lineWidth: 0 });
}

/**
 * Reads what {@link freezeResolved} wrote.
 *
 * @throws UserError MIM7105 if the text was damaged or written by an incompatible version
 */
export function parseResolved(text: string, file = 'config.yaml'): ResolvedExperiment {
  const tree = new YamlTree(text, file);
  const parsed = frozenSchema.safeParse(tree.value);
  if (tree.problems.length > 0 || !parsed.success) {
    const issue = parsed.error?.issues[0];
    const fault = tree.problems[0]?.message ?? `${issue?.path.join('.')}: ${issue?.message}`;
    throw new UserError(
      'MIM7105',
      `${file} is not the frozen configuration of a run (${fault}).`,
      'It is written by `mim` and not meant to be edited; restore it, or start a new run from the experiment.',
    );
  }
  return { ...parsed.data, student: readVit(parsed.data) };
}

function writtenVit(student: VitShape): FrozenExperiment['student'] {
  return {
    patch_size: student.patchSize,
    width: student.width,
    depth: student.depth,
    heads: student.heads,
    mlp_ratio: student.mlpRatio,
    drop_path: student.dropPath,
  };
}

function readVit({ student, data }: FrozenExperiment): VitShape {
  return {
    imageSize: data.image_size,
    patchSize: student.patch_size,
    width: student.width,
    depth: student.depth,
    heads: student.heads,
    mlpRatio: student.mlp_ratio,
    dropPath: student.drop_path,
  };
}
