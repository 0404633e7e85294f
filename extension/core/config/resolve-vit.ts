/** The student as written (a name, or dimensions beside a name) → a vision transformer with every dimension known. */
import { methodDefaults } from './method-defaults';
import type { ProblemList } from './problem-list';
import type { Experiment, VitShape } from './schema';
import { MLP_RATIO, suggestVitPreset, vitPreset, vitSizeNames } from './vit-presets';

export function resolveVit({ student, method, data }: Pick<Experiment, 'student' | 'method' | 'data'>, problems: ProblemList): VitShape | undefined {
  const written = typeof student === 'string' ? { preset: student } : student;
  const preset = written.preset === undefined ? undefined : vitPreset(written.preset);
  if (written.preset !== undefined && !preset) {
    const replacement = suggestVitPreset(written.preset);
    problems.add('MIM1101', typeof student === 'string' ? 'student' : 'student.preset', `Unknown model \`${written.preset.slice(0, 60)}\`.`, {
      hint: `${replacement ? `Did you mean \`${replacement}\`? ` : ''}Models are vit_SIZE_patchP: SIZE one of ${vitSizeNames.join(', ')}, P any patch size in pixels; the image size stands in data.image_size.`,
      ...(replacement && { replacement }),
    });
    return undefined;
  }
  const shape = {
    imageSize: data.image_size,
    patchSize: written.patch_size ?? preset?.patchSize,
    width: written.width ?? preset?.width,
    depth: written.depth ?? preset?.depth,
    heads: written.heads ?? preset?.heads,
    mlpRatio: written.mlp_ratio ?? preset?.mlpRatio ?? MLP_RATIO,
    dropPath: written.drop_path ?? (preset?.dropPath ? (methodDefaults[method].dropPath ?? preset.dropPath) : 0),
  };
  return isComplete(shape) ? shape : reportMissing(written, problems);
}

function isComplete(shape: { [Key in keyof VitShape]: VitShape[Key] | undefined }): shape is VitShape {
  return Object.values(shape).every((size) => size !== undefined);
}

function reportMissing(written: Exclude<Experiment['student'], string>, problems: ProblemList): undefined {
  const missing = (['patch_size', 'width', 'depth', 'heads'] as const).filter((key) => written[key] === undefined);
  problems.add('MIM1102', 'student', `The student lacks ${missing.map((key) => `\`${key}\``).join(', ')}.`, {
    hint: 'Give patch_size, width, depth and heads, or start from a named size with `preset: vit_tiny_patch4`.',
  });
  return undefined;
}
