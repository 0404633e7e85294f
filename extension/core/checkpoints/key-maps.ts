/**
 * How other projects name the tensors of a vision transformer, told in timm's names.
 *
 * In a rule, `a.{q,k,v}.weight` stands for the three tensors concatenated along the first axis, and several rules
 * are alternatives of which the first that is present counts. A rule of a block that begins with `/` is not the block's own; one
 * that begins with `^` names what stands beside the encoder. Only names are said here; shapes are settled in import-teacher.ts.
 */
import type { TensorSource } from './tensor-source';

export type TeacherFormat = 'timm' | 'hf-clip' | 'hf-vit' | 'hf-dinov2' | 'hf-mae' | 'openai-clip' | 'simmim';

type Rules = Readonly<Record<string, readonly string[]>>;

interface KeyMap {
  /** Two keys that tell the format; what stands before the first is the prefix of all. */
  readonly markers: readonly [string, string];
  readonly outer: Rules;
  /** Everything before a block's index. */
  readonly blocks: string;
  readonly inner: Rules;
}

/** The same name with `.weight` and with `.bias`. */
function both(target: string, ...sources: readonly string[]): Rules {
  return {
    [`${target}.weight`]: sources.map((source) => `${source}.weight`),
    [`${target}.bias`]: sources.map((source) => `${source}.bias`),
  };
}

/** timm and everything that kept its names: DINO, MAE, DINOv2 from their authors, and this product's own files. */
const timm: KeyMap = {
  markers: ['patch_embed.proj.weight', 'blocks.0.norm1.weight'],
  outer: {
    cls_token: ['cls_token'],
    reg_token: ['reg_token', 'register_tokens'],
    pos_embed: ['pos_embed'],
    ...both('patch_embed.proj', 'patch_embed.proj'),
    ...both('norm_pre', 'norm_pre'),
    // Fine-tuned with mean pooling, MAE and its kin have their last norm behind the pooling.
    ...both('norm', 'norm', 'fc_norm'),
    // Of CLIP the projection, of others a classifier.
    'head.weight': ['head.weight'],
  },
  blocks: 'blocks.',
  inner: {
    ...both('norm1', 'norm1'),
    ...both('attn.qkv', 'attn.qkv'),
    ...both('attn.proj', 'attn.proj'),
    'ls1.gamma': ['ls1.gamma'],
    ...both('norm2', 'norm2'),
    ...both('mlp.fc1', 'mlp.fc1', 'mlp.w12'),
    ...both('mlp.fc2', 'mlp.fc2', 'mlp.w3'),
    'ls2.gamma': ['ls2.gamma'],
  },
};

const hfClip: KeyMap = {
  markers: ['embeddings.class_embedding', 'encoder.layers.0.layer_norm1.weight'],
  outer: {
    cls_token: ['embeddings.class_embedding'],
    pos_embed: ['embeddings.position_embedding.weight'],
    ...both('patch_embed.proj', 'embeddings.patch_embedding'),
    // Misspelt in the original and so in every file.
    ...both('norm_pre', 'pre_layrnorm'),
    ...both('norm', 'post_layernorm'),
    'head.weight': ['^visual_projection.weight'],
  },
  blocks: 'encoder.layers.',
  inner: {
    ...both('norm1', 'layer_norm1'),
    ...both('attn.qkv', 'self_attn.{q_proj,k_proj,v_proj}'),
    ...both('attn.proj', 'self_attn.out_proj'),
    ...both('norm2', 'layer_norm2'),
    ...both('mlp.fc1', 'mlp.fc1'),
    ...both('mlp.fc2', 'mlp.fc2'),
  },
};

const hfEmbeddings: Rules = {
  cls_token: ['embeddings.cls_token'],
  reg_token: ['embeddings.register_tokens'],
  pos_embed: ['embeddings.position_embeddings'],
  ...both('patch_embed.proj', 'embeddings.patch_embeddings.projection'),
  ...both('norm', 'layernorm'),
};

const hfAttention: Rules = {
  ...both('attn.qkv', 'attention.attention.{query,key,value}'),
  ...both('attn.proj', 'attention.output.dense'),
};

const hfVit: KeyMap = {
  markers: ['embeddings.cls_token', 'encoder.layer.0.layernorm_before.weight'],
  outer: hfEmbeddings,
  blocks: 'encoder.layer.',
  inner: {
    ...both('norm1', 'layernorm_before'),
    ...hfAttention,
    ...both('norm2', 'layernorm_after'),
    ...both('mlp.fc1', 'intermediate.dense'),
    ...both('mlp.fc2', 'output.dense'),
  },
};

const hfDinov2: KeyMap = {
  markers: ['embeddings.cls_token', 'encoder.layer.0.norm1.weight'],
  outer: hfEmbeddings,
  blocks: 'encoder.layer.',
  inner: {
    ...both('norm1', 'norm1'),
    ...hfAttention,
    'ls1.gamma': ['layer_scale1.lambda1'],
    ...both('norm2', 'norm2'),
    ...both('mlp.fc1', 'mlp.fc1', 'mlp.weights_in'),
    ...both('mlp.fc2', 'mlp.fc2', 'mlp.weights_out'),
    'ls2.gamma': ['layer_scale2.lambda1'],
  },
};

const openaiClip: KeyMap = {
  markers: ['class_embedding', 'transformer.resblocks.0.ln_1.weight'],
  outer: {
    cls_token: ['class_embedding'],
    pos_embed: ['positional_embedding'],
    ...both('patch_embed.proj', 'conv1'),
    ...both('norm_pre', 'ln_pre'),
    ...both('norm', 'ln_post'),
    // [D, E]
    'head.weight': ['proj'],
  },
  blocks: 'transformer.resblocks.',
  inner: {
    ...both('norm1', 'ln_1'),
    'attn.qkv.weight': ['attn.in_proj_weight'],
    'attn.qkv.bias': ['attn.in_proj_bias'],
    ...both('attn.proj', 'attn.out_proj'),
    ...both('norm2', 'ln_2'),
    ...both('mlp.fc1', 'mlp.c_fc'),
    ...both('mlp.fc2', 'mlp.c_proj'),
  },
};

/** SimMIM's ViT and BEiT, from their authors: keys have no bias, and positions are relative, shared by the blocks or one's own. */
const simmim: KeyMap = {
  markers: ['patch_embed.proj.weight', 'blocks.0.attn.q_bias'],
  outer: timm.outer,
  blocks: 'blocks.',
  inner: {
    ...timm.inner,
    'attn.qkv.bias': ['attn.{q_bias,v_bias}'],
    'attn.rel_pos_bias': ['attn.relative_position_bias_table', '/rel_pos_bias.relative_position_bias_table'],
    'ls1.gamma': ['gamma_1'],
    'ls2.gamma': ['gamma_2'],
  },
};

/** Tried in this order; a file that carries a student in timm names beside a frozen teacher is read as the student. */
const keyMaps: Readonly<Record<TeacherFormat, KeyMap>> = {
  // Before timm, whose markers it has too.
  simmim,
  timm,
  'hf-clip': hfClip,
  'hf-dinov2': hfDinov2,
  'hf-mae': hfVit,
  'hf-vit': hfVit,
  'openai-clip': openaiClip,
};

export const TEACHER_FORMATS = Object.keys(keyMaps) as TeacherFormat[];

/** The key by which a format is told, for messages. */
export function markerOf(format: TeacherFormat): string {
  return keyMaps[format].markers[0];
}

/** A file whose naming is understood. */
export interface RecognisedKeys {
  readonly format: TeacherFormat;
  readonly prefix: string;
  readonly depth: number;
  /** The names in the file whose concatenation is the timm tensor `target`; undefined where the file has none. */
  sourcesOf(target: string): readonly string[] | undefined;
}

/** Recognises the naming of a file, or checks that it is `format`; undefined where it is not. */
export function recogniseKeys(entries: TensorSource['entries'], format?: TeacherFormat): RecognisedKeys | undefined {
  for (const candidate of format === undefined ? TEACHER_FORMATS : [format]) {
    const prefix = findPrefix(entries, keyMaps[candidate].markers);
    if (prefix === undefined) continue;
    // MAE and ViT share their encoder's names; the decoder tells them apart.
    if (format === undefined && candidate === 'hf-mae' && !entries.has('decoder.decoder_pred.weight')) continue;
    return withPrefix(entries, candidate, prefix);
  }
  return undefined;
}

/** The shortest text before the first marker under which the second is found too. */
function findPrefix(entries: TensorSource['entries'], [first, second]: readonly [string, string]): string | undefined {
  let shortest: string | undefined;
  for (const name of entries.keys()) {
    if (!name.endsWith(first)) continue;
    const prefix = name.slice(0, name.length - first.length);
    const wholeWord = prefix === '' || prefix.endsWith('.');
    if (wholeWord && entries.has(prefix + second) && (shortest === undefined || prefix.length < shortest.length)) shortest = prefix;
  }
  return shortest;
}

function withPrefix(entries: TensorSource['entries'], format: TeacherFormat, prefix: string): RecognisedKeys {
  const map = keyMaps[format];
  const beside = prefix.replace(/[^.]+\.$/, '');
  const placed = (rule: string, before: string): string => {
    if (rule.startsWith('^')) return beside + rule.slice(1);
    return rule.startsWith('/') ? prefix + rule.slice(1) : before + rule;
  };
  const present = (rules: readonly string[] | undefined, before: string): readonly string[] | undefined =>
    rules?.map((rule) => expand(placed(rule, before))).find((names) => names.every((name) => entries.has(name)));

  const sourcesOf = (target: string): readonly string[] | undefined => {
    const block = /^blocks\.(\d+)\.(.+)$/.exec(target);
    return block === null ? present(map.outer[target], prefix) : present(map.inner[block[2]!], `${prefix}${map.blocks}${block[1]}.`);
  };
  let depth = 0;
  while (sourcesOf(`blocks.${depth}.norm1.weight`) !== undefined) depth++;
  return { format, prefix, depth, sourcesOf };
}

/** `a.{q,k}.b` → `a.q.b`, `a.k.b`. */
function expand(rule: string): readonly string[] {
  const braces = /^(.*)\{(.*)\}(.*)$/.exec(rule);
  return braces === null ? [rule] : braces[2]!.split(',').map((choice) => braces[1]! + choice + braces[3]!);
}
