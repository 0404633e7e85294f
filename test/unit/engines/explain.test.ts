import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { countOperations, estimateMemory, explainProgram, printGraph } from '../../../extension/training/engines/compiled/explain';
import { trace } from '../../../extension/training/engines/compiled/trace';
import { validate } from '../../../extension/training/engines/compiled/validate';
import { functionOf } from './comparing';
import { momentumProgram, normals } from './small-programs';

const batch = { x: normals([2, 3], 1) };
const program = functionOf('scores', batch, ({ x }, { w }) => ({ z: tf.softmax(tf.mul(tf.matMul(x!, w!, false, true), 0.5)) }), { w: normals([4, 3], 2) });

describe('explain', () => {
  it('prints a line a node and a line an output', () => {
    expect(printGraph(trace(program))).toBe(
      [
        '%2 float32[2, 4] = MatMul(batch:x, constant:w) transB=true alpha=1',
        '%4 float32[2, 4] = Mul(%2, [0.5])',
        '%5 float32[2, 4] = Softmax(%4) axis=1',
        'reading:z <- %5',
      ].join('\n'),
    );
  });

  it('says what the passes did and what the program needs', () => {
    expect(explainProgram(program, { graphs: 'final' })).toBe(
      [
        'Program "scores"',
        'Traced: 3 nodes: MatMul 1, Mul 1, Softmax 1',
        'Passes:',
        '  simplify                 0 rewrites      3 ->     3 nodes',
        '  fuse-layer-norm          0 rewrites      3 ->     3 nodes',
        '  fold-scale               1 rewrites      3 ->     2 nodes',
        '  rescale-gelu             0 rewrites      2 ->     2 nodes',
        '  fuse-attention           0 rewrites      2 ->     2 nodes',
        'Run: 2 nodes: MatMul 1, Softmax 1',
        'Memory: constants 0.0 MB, state 0.0 MB, activations at most 0.0 MB',
        '',
        '== graph ==',
        '%6 float32[2, 4] = MatMul(batch:x, constant:w) transB=true alpha=0.5',
        '%5 float32[2, 4] = Softmax(%6) axis=1',
        'reading:z <- %5',
        '',
      ].join('\n'),
    );
  });

  it('shows the graph after every pass when asked', () => {
    const text = explainProgram(program, { graphs: 'all', disabledPasses: ['fuse-layer-norm'] });
    expect(text.match(/^== .* ==$/gm)).toEqual(['== traced ==', '== after simplify ==', '== after fold-scale ==', '== after rescale-gelu ==', '== after fuse-attention ==']);
  });

  it('says what is updated in place, where something is', () => {
    expect(explainProgram(momentumProgram(), { leastUpdated: 1 })).toMatch(/\nOf these \d+ in ONNX Runtime; the others update 0\.0 MB of state in place\n/);
    expect(explainProgram(momentumProgram())).not.toContain('in place');
  });

  it('counts operations, most frequent first', () => {
    expect(countOperations(trace(momentumProgram()))[0]![1]).toBeGreaterThan(1);
  });

  it('estimates the memory of a chain by what is alive together', () => {
    const chain = trace(functionOf('chain', batch, ({ x }) => ({ z: tf.sum(tf.exp(tf.exp(tf.exp(x!)))) })));
    // Two of the three exponentials at a time, 24 bytes each.
    expect(estimateMemory(chain)).toEqual({ constants: 0, state: 0, peakActivations: 48 });
    expect(estimateMemory(trace(momentumProgram())).state).toBe(4 * (6 + 6 + 1));
  });
});

describe('validate', () => {
  const graph = trace(program);

  it('accepts what was traced', () => expect(() => validate(graph)).not.toThrow());

  it('refuses a value read before it is made', () => {
    expect(() => validate({ ...graph, nodes: graph.nodes.toReversed() })).toThrow(/node 0 \(Softmax\) reads %4 before it is made/);
  });

  it('refuses a value made twice', () => {
    expect(() => validate({ ...graph, nodes: [...graph.nodes, graph.nodes[0]!] })).toThrow(/node 3 \(MatMul\) makes %2, which exists already/);
  });

  it('refuses a shape that the operation does not make', () => {
    const values = new Map(graph.values).set(2, { ...graph.values.get(2)!, shape: [4, 2] });
    expect(() => validate({ ...graph, values })).toThrow(/node 0 \(MatMul\) makes %2 float32\[4, 2\], expected float32\[2, 4\]/);
  });

  it('refuses an output that is never made', () => {
    expect(() => validate({ ...graph, nodes: graph.nodes.slice(0, 2) })).toThrow(/Output "z"/);
  });
});
