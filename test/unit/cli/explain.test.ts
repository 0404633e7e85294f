import { describe, expect, it } from 'vitest';
import { compilingEngine, explainFigures, explainText } from '../../../extension/cli/explain';
import { engineSchema } from '../../../extension/core/config/schema';
import { processorsEngine } from '../../native-here';
import { momentumProgram } from '../engines/small-programs';

const asked = (engine: object) => engineSchema.parse(engine);

describe('programs are explained', () => {
  it.each([
    ['native', 'native'], ['compiled-cpu', 'compiled-cpu'], ['compiled-webgpu', 'compiled-webgpu'], ['wgsl', 'wgsl'], ['auto', processorsEngine], ['tfjs-cpu', 'compiled-cpu'],
  ] as const)('where the engine is %s, as compiled for %s', (kind, engine) => expect(compilingEngine(asked({ kind }))).toBe(engine));

  it('where a GPU is asked for, as compiled for one', () => {
    expect(compilingEngine(asked({ precision: 'float16' }))).toBe('wgsl');
    expect(compilingEngine(asked({ device: 0 }))).toBe('wgsl');
  });

  it('with the passes of that engine', () => {
    const passes = (text: string): string[] => [...text.matchAll(/^ {2}(\S+) +\d+ rewrites/gm)].map(([, name]) => name!);
    const everywhere = ['simplify', 'fuse-layer-norm', 'fold-scale', 'rescale-gelu'];
    const native = explainText([momentumProgram()], 'native', 'none');
    expect(native).toMatch(/^Compiled for native\nProgram "momentum"\n/);
    expect(passes(native)).toEqual(everywhere);
    expect(passes(explainText([momentumProgram()], 'compiled-cpu', 'none'))).toEqual([...everywhere, 'fuse-attention']);
    expect(explainFigures([momentumProgram()], 'native')).toMatchObject([{ name: 'momentum', engine: 'native', passes: everywhere.map((name) => ({ name })) }]);
  });
});
