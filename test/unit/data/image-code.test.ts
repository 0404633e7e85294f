import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const sources = new URL('../../../extension/training/data/image-code/', import.meta.url);
const code = new WebAssembly.Module(readFileSync(new URL('../../../media/images.wasm', import.meta.url)));

describe('the image code', () => {
  it('was made since its sources changed', () => {
    const hash = createHash('sha256');
    const files = readdirSync(sources);
    for (const name of ['build.sh', ...files.filter((file) => file.endsWith('.c')).sort(), ...files.filter((file) => file.endsWith('.h')).sort()]) hash.update(readFileSync(new URL(name, sources)));
    const [said] = WebAssembly.Module.customSections(code, 'sources');
    expect(Buffer.from(said!).toString(), 'extension/training/data/image-code/build.sh makes media/images.wasm').toBe(hash.digest('hex'));
  });

  it('asks for nothing of the system', () => {
    expect(WebAssembly.Module.imports(code)).toEqual([{ module: 'host', name: 'refuse', kind: 'function' }]);
  });
});
