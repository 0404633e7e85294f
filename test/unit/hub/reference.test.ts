import { describe, expect, it } from 'vitest';
import { parseHubReference, writeHubReference } from '../../../extension/core/hub/reference';

describe('an hf:// reference', () => {
  it.each([
    ['hf://timm/vit_base_patch16_224.dino', { repository: 'timm/vit_base_patch16_224.dino', revision: 'main' }],
    ['hf://a/b@v1.0', { repository: 'a/b', revision: 'v1.0' }],
    ['hf://a/b@refs/pr/3/model.safetensors', { repository: 'a/b', revision: 'refs/pr/3', file: 'model.safetensors' }],
    ['hf://a/b@feature%2Fx/deep/down/w.safetensors', { repository: 'a/b', revision: 'feature/x', file: 'deep/down/w.safetensors' }],
    ['hf://a/b/pytorch_model.bin', { repository: 'a/b', revision: 'main', file: 'pytorch_model.bin' }],
  ])('%s is understood, and written so again', (text, expected) => {
    expect(parseHubReference(text)).toEqual(expected);
    expect(writeHubReference(parseHubReference(text))).toBe(text);
  });

  it.each(['hf://', 'hf://a', 'hf://a/', 'hf://a/b@', 'hf://a/b/', 'hf://a/b/../c.safetensors', 'hf://a/b/config.json', 'hf://a/b//c.safetensors', 'hf:// a/b', 'hf://a/b/c\\..\\d.bin'])('%s is none', (text) => {
    expect(() => parseHubReference(text)).toThrow(expect.objectContaining({ code: 'MIM1207' }));
  });
});
