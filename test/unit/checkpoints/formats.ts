/** The same vision transformer under the names of each format: timm's tensors taken apart the way other projects keep them. */
import { timmSpecs, type TeacherShape } from '../../../extension/core/checkpoints/teacher-shape';
import { elementCount, type HostTensor, type NamedTensors } from '../../../extension/core/tensors';
import { RandomStream } from '../../../extension/training/random';

/** Random values for every tensor a shape has. */
export function randomModel(shape: TeacherShape, seed = 1): NamedTensors {
  const random = new RandomStream(seed, 'test-model');
  const tensors: NamedTensors = {};
  for (const [name, spec] of Object.entries(timmSpecs(shape))) {
    tensors[name] = { ...spec, data: Float32Array.from({ length: elementCount(spec.shape) }, () => random.normal()) };
  }
  return tensors;
}

export function reshaped(tensor: HostTensor, shape: readonly number[]): HostTensor {
  return { ...tensor, shape };
}

/** Rows `from` to `to` along the first axis. */
function rows(tensor: HostTensor, from: number, to: number): HostTensor {
  const stride = elementCount(tensor.shape.slice(1));
  return { shape: [to - from, ...tensor.shape.slice(1)], dtype: tensor.dtype, data: tensor.data.slice(from * stride, to * stride) };
}

type Rename = (suffix: string) => string;

interface Naming {
  readonly prefix: string;
  readonly outer: Readonly<Record<string, string>>;
  readonly block: string;
  readonly inner: Readonly<Record<string, string>>;
  /** Names of query, key and value where they are apart. */
  readonly qkv?: readonly [string, string, string];
  readonly flatClassToken?: boolean;
  readonly flatPositions?: boolean;
}

const clip: Naming = {
  prefix: 'vision_model.',
  outer: { cls_token: 'embeddings.class_embedding', pos_embed: 'embeddings.position_embedding.weight', 'patch_embed.proj': 'embeddings.patch_embedding', norm_pre: 'pre_layrnorm', norm: 'post_layernorm' },
  block: 'encoder.layers.',
  inner: { norm1: 'layer_norm1', 'attn.proj': 'self_attn.out_proj', norm2: 'layer_norm2', 'mlp.fc1': 'mlp.fc1', 'mlp.fc2': 'mlp.fc2' },
  qkv: ['self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj'],
  flatClassToken: true,
  flatPositions: true,
};

const vitOuter = { cls_token: 'embeddings.cls_token', reg_token: 'embeddings.register_tokens', pos_embed: 'embeddings.position_embeddings', 'patch_embed.proj': 'embeddings.patch_embeddings.projection', norm: 'layernorm' };
const vitQkv: Naming['qkv'] = ['attention.attention.query', 'attention.attention.key', 'attention.attention.value'];

const vit: Naming = {
  prefix: '',
  outer: vitOuter,
  block: 'encoder.layer.',
  inner: { norm1: 'layernorm_before', 'attn.proj': 'attention.output.dense', norm2: 'layernorm_after', 'mlp.fc1': 'intermediate.dense', 'mlp.fc2': 'output.dense' },
  qkv: vitQkv,
};

const dinov2: Naming = {
  prefix: '',
  outer: vitOuter,
  block: 'encoder.layer.',
  inner: { norm1: 'norm1', 'attn.proj': 'attention.output.dense', ls1: 'layer_scale1', norm2: 'norm2', 'mlp.fc1': 'mlp.fc1', 'mlp.fc2': 'mlp.fc2', ls2: 'layer_scale2' },
  qkv: vitQkv,
};

export const namings = {
  'hf-clip': clip,
  'hf-vit': vit,
  'hf-dinov2': dinov2,
  'hf-dinov2-swiglu': { ...dinov2, inner: { ...dinov2.inner, 'mlp.fc1': 'mlp.weights_in', 'mlp.fc2': 'mlp.weights_out' } },
  'hf-mae': { ...vit, prefix: 'vit.' },
  'openai-clip': {
    prefix: 'visual.',
    outer: { cls_token: 'class_embedding', pos_embed: 'positional_embedding', 'patch_embed.proj': 'conv1', norm_pre: 'ln_pre', norm: 'ln_post' },
    block: 'transformer.resblocks.',
    inner: { norm1: 'ln_1', 'attn.qkv': 'attn.in_proj', 'attn.proj': 'attn.out_proj', norm2: 'ln_2', 'mlp.fc1': 'mlp.c_fc', 'mlp.fc2': 'mlp.c_proj' },
    flatClassToken: true,
    flatPositions: true,
  },
} as const satisfies Record<string, Naming>;

/** timm tensors under another naming. Registers come with a position for CLS, as the authors of DINOv2 have it. */
export function renamed(model: NamedTensors, naming: Naming): NamedTensors {
  const result: NamedTensors = {};
  const leaf: Rename = (suffix) => suffix.replace('gamma', 'lambda1');
  for (const [name, tensor] of Object.entries(model)) {
    const block = /^(blocks\.)(\d+)\.(.+?)\.(weight|bias|gamma)$/.exec(name);
    if (block !== null) {
      const [, , index, part, suffix] = block as unknown as [string, string, string, string, string];
      const before = `${naming.prefix}${naming.block}${index}.`;
      if (part === 'attn.qkv' && naming.qkv !== undefined) {
        const width = tensor.shape[0]! / 3;
        naming.qkv.forEach((qkv, third) => (result[`${before}${qkv}.${suffix}`] = rows(tensor, third * width, (third + 1) * width)));
      } else {
        const joint = naming.inner[part]!.endsWith('in_proj') ? '_' : '.';
        result[before + naming.inner[part]! + joint + leaf(suffix)] = tensor;
      }
      continue;
    }
    const outer = /^(.+?)(\.weight|\.bias)?$/.exec(name)!;
    result[naming.prefix + naming.outer[outer[1]!]! + (outer[2] ?? '')] = flattened(name, tensor, naming);
  }
  return result;
}

function flattened(name: string, tensor: HostTensor, naming: Naming): HostTensor {
  if (name === 'cls_token' && naming.flatClassToken) return reshaped(tensor, tensor.shape.slice(2));
  if (name === 'pos_embed' && naming.flatPositions) return reshaped(tensor, tensor.shape.slice(1));
  return tensor;
}
