/** What the `config.json` and `preprocessor_config.json` beside downloaded weights say and the weights do not. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { UserError } from '../problems';
import { CLIP_MEAN, CLIP_STD, type Rgb, type TeacherShape } from './teacher-shape';

/** Only what was said. */
export type HubConfig = Partial<Pick<TeacherShape, 'heads' | 'normEps' | 'activation' | 'imageMean' | 'imageStd'>>;

type Json = Readonly<Record<string, unknown>>;

/**
 * Reads the files a hub keeps beside `weights`; whatever is absent, unreadable or about a model of another width counts as not said.
 * @throws UserError MIM3005 where the model uses an activation this product does not have.
 */
export async function readHubConfig(weights: string, width: number): Promise<HubConfig> {
  const folder = path.dirname(weights);
  const config = await readJson(path.join(folder, 'config.json'));
  const preprocessor = await readJson(path.join(folder, 'preprocessor_config.json'));
  return {
    ...(config === undefined ? {} : { ...fromTransformers(config, width, weights), ...fromTimm(config) }),
    ...normalisation(preprocessor?.['image_mean'], preprocessor?.['image_std']),
  };
}

async function readJson(file: string): Promise<Json | undefined> {
  try {
    return asObject(JSON.parse(await readFile(file, 'utf8')));
  } catch {
    return undefined;
  }
}

/** transformers; a CLIP file describes the image tower in `vision_config`. */
function fromTransformers(config: Json, width: number, weights: string): HubConfig {
  const vision = asObject(config['vision_config']) ?? config;
  if (vision['hidden_size'] !== width) return {};
  const heads = vision['num_attention_heads'];
  const eps = vision['layer_norm_eps'];
  const activation = vision['hidden_act'];
  return {
    ...(typeof heads === 'number' && Number.isInteger(heads) && heads > 0 && width % heads === 0 ? { heads } : {}),
    ...(typeof eps === 'number' && eps > 0 ? { normEps: eps } : {}),
    ...(typeof activation === 'string' ? { activation: knownActivation(activation, weights) } : {}),
  };
}

/** timm: QuickGELU models say so in their architecture; normalisation is in `pretrained_cfg`. */
function fromTimm(config: Json): HubConfig {
  const architecture = config['architecture'];
  const pretrained = asObject(config['pretrained_cfg']);
  if (typeof architecture !== 'string' || pretrained === undefined) return {};
  const faithfulClip = architecture.includes('quickgelu') || (architecture.includes('clip') && pretrained['tag'] === 'openai');
  return {
    activation: faithfulClip ? 'quick_gelu' : 'gelu',
    ...normalisation(pretrained['mean'], pretrained['std']),
  };
}

function knownActivation(name: string, weights: string): TeacherShape['activation'] {
  if (name === 'gelu' || name === 'quick_gelu') return name;
  throw new UserError('MIM3005', `${weights}: its config.json names the activation ${JSON.stringify(name)}`, 'Teachers may use gelu or quick_gelu.');
}

function normalisation(mean: unknown, std: unknown): HubConfig {
  if (!isRgb(mean) || !isRgb(std) || std.some((value) => value <= 0)) return {};
  // Files round CLIP's constants differently; the original digits are used for all of them.
  const clip = mean.every((value, channel) => Math.abs(value - CLIP_MEAN[channel]!) < 1e-4);
  return clip ? { imageMean: CLIP_MEAN, imageStd: CLIP_STD } : { imageMean: mean, imageStd: std };
}

function isRgb(value: unknown): value is Rgb {
  return Array.isArray(value) && value.length === 3 && value.every((channel) => typeof channel === 'number' && Number.isFinite(channel));
}

function asObject(value: unknown): Json | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined;
}
