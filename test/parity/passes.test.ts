/** Each pass finds the pattern it is for, leaves alone what it must, and changes no number beyond rounding. */
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { stepCase, stepSizes } from '../../bench/step-case';
import type { NamedTensors } from '../../extension/core/tensors';
import { float32 } from '../../extension/core/tensors';
import { optimise } from '../../extension/training/engines/compiled/compile';
import { printGraph } from '../../extension/training/engines/compiled/explain';
import type { Graph } from '../../extension/training/engines/compiled/ir';
import { passesFor } from '../../extension/training/engines/compiled/passes/all';
import { foldScale } from '../../extension/training/engines/compiled/passes/fold-scale';
import { fuseAttention } from '../../extension/training/engines/compiled/passes/fuse-attention';
import { fuseLayerNorm } from '../../extension/training/engines/compiled/passes/fuse-layer-norm';
import type { Pass } from '../../extension/training/engines/compiled/passes/pass';
import { FITS_IN_PAIRS, quantizeWeights } from '../../extension/training/engines/compiled/passes/quantize-weights';
import { rescaleGelu } from '../../extension/training/engines/compiled/passes/rescale-gelu';
import { simplify } from '../../extension/training/engines/compiled/passes/simplify';
import { turnOperands } from '../../extension/training/engines/compiled/passes/turn-operands';
import { trace } from '../../extension/training/engines/compiled/trace';
import { validate } from '../../extension/training/engines/compiled/validate';
import { createEngine } from '../../extension/training/engines/create';
import type { Program } from '../../extension/training/engines/engine';
import { computesBytes } from '../../extension/training/engines/native/native-support';
import { gelu } from '../../extension/training/nn/activations';
import { layerNorm, standardise } from '../../extension/training/nn/layer-norm';
import { linear } from '../../extension/training/nn/linear';
import { expectSame, expectSameOutcome, functionOf, runEagerly, runGraph } from '../unit/engines/comparing';
import { normals } from '../unit/engines/small-programs';

type Tensors = Readonly<Record<string, tf.Tensor>>;

/** The pass alone, after `simplify` as in the pipeline; both graphs valid and equal in their results. */
async function passOn(pass: Pass, program: Program, batch: NamedTensors, tolerance = 2e-6): Promise<{ before: Graph; after: Graph; hits: number }> {
  const before = pass === simplify ? trace(program) : simplify.run(trace(program)).graph;
  const { graph: after, hits } = pass.run(before);
  validate(before);
  validate(after);
  const [expected, actual] = [await runGraph(before, program, {}, [batch]), await runGraph(after, program, {}, [batch])];
  expectSame(actual.readings[0]!, expected.readings[0]!, tolerance);
  expectSame(actual.readings[0]!, (await runEagerly(program, {}, [batch])).readings[0]!, 1e-5);
  return { before, after, hits };
}

function count(graph: Graph, op: string): number {
  return graph.nodes.filter((node) => node.op === op).length;
}

const batch = { x: normals([6, 8], 1), y: normals([6, 8], 2), w: normals([24, 8], 3), b: normals([24], 4), gamma: normals([8], 5), beta: normals([8], 6) };

describe('simplify', () => {
  it('removes what computes nothing and what is computed twice', async () => {
    const program = functionOf('waste', batch, ({ x, y }) => {
      const there = tf.transpose(tf.reshape(tf.reshape(x!, [2, 3, 8]), [6, 8]), [1, 0]);
      const back = tf.transpose(there, [1, 0]);
      return { z: tf.add(tf.add(tf.mul(back, 1), 0), tf.mul(tf.exp(y!), tf.exp(y!))) };
    });
    const { after } = await passOn(simplify, program, batch);
    expect(printGraph(after).replaceAll(/%\d+/g, '%')).toBe(
      ['% float32[6, 8] = Exp(batch:y)', '% float32[6, 8] = Mul(%, %)', '% float32[6, 8] = Add(batch:x, %)', 'reading:z <- %'].join('\n'),
    );
  });

  it('keeps an addition that broadcasts', async () => {
    const program = functionOf('broadcast', batch, ({ gamma }) => ({ z: tf.add(tf.reshape(gamma!, [1, 8]), tf.zeros([3, 1])) }));
    const { after } = await passOn(simplify, program, batch);
    expect(count(after, 'Add')).toBe(1);
  });

  it('returns an input that an output turns out to be', async () => {
    const { after } = await passOn(simplify, functionOf('same', batch, ({ x }) => ({ z: tf.mul(x!, 1), same: tf.reshape(x!, [6, 8]) })), batch);
    expect(after.nodes).toEqual([]);
  });
});

describe('fuse-layer-norm', () => {
  it('fuses a norm without gradient into one node', async () => {
    const program = functionOf('norm', batch, ({ x, gamma, beta }) => ({ z: layerNorm(x!, gamma!, beta!, 1e-6), w: standardise(x!, 1e-5) }));
    const { after } = await passOn(fuseLayerNorm, program, batch);
    expect(count(after, 'LayerNorm')).toBe(2);
    expect(after.nodes.length).toBe(2);
  });

  it('fuses the forward of a norm with gradient and keeps what the backward reads', async () => {
    const program = functionOf('norm gradient', batch, ({ x, y, gamma, beta }) => {
      const [dx, dGamma, dBeta] = tf.grads((x, gamma, beta) => tf.sum(tf.mul(layerNorm(x, gamma, beta, 1e-6), y!)))([x!, gamma!, beta!]);
      return { dx: dx!, dGamma: dGamma!, dBeta: dBeta!, z: layerNorm(x!, gamma!, beta!, 1e-6) };
    });
    const { after } = await passOn(fuseLayerNorm, program, batch);
    expect(count(after, 'LayerNorm')).toBe(2);
    expect(count(after, 'Rsqrt')).toBe(0);
  });

  it('keeps the parts that something else reads', async () => {
    const program = functionOf('read parts', batch, ({ x, gamma, beta }) => {
      const normed = standardise(x!, 1e-6);
      const scaled = tf.mul(normed, gamma!);
      return { normed, scaled, z: tf.add(scaled, beta!) };
    });
    await passOn(fuseLayerNorm, program, batch);
  });

  it('leaves other norms alone', async () => {
    const program = functionOf('other axis', batch, ({ x }) => {
      const centred = tf.sub(x!, tf.mean(x!, 0, true));
      return { z: tf.mul(centred, tf.rsqrt(tf.add(tf.mean(tf.square(centred), 0, true), 1e-6))) };
    });
    expect((await passOn(fuseLayerNorm, program, batch)).hits).toBe(0);
  });
});

describe('fold-scale', () => {
  it('moves numbers from either side into the product', async () => {
    const program = functionOf('scores', batch, ({ x, y }) => ({ z: tf.mul(tf.matMul(tf.mul(x!, 3), y!, false, true), 0.25) }));
    const { after, hits } = await passOn(foldScale, program, batch);
    expect(hits).toBe(1);
    expect(after.nodes.map(({ op, attrs }) => [op, attrs])).toEqual([['MatMul', expect.objectContaining({ alpha: 0.75 })]]);
  });

  it('keeps a product and a scaled operand that something else reads', async () => {
    const program = functionOf('read', batch, ({ x, y }) => {
      const scaled = tf.mul(x!, 3);
      const product = tf.matMul(scaled, y!, false, true);
      return { scaled, product, z: tf.mul(product, 0.25) };
    });
    expect((await passOn(foldScale, program, batch)).hits).toBe(0);
  });

  it('folds a scale between two products once', async () => {
    const program = functionOf('chain', batch, ({ x, y }) => ({ z: tf.matMul(tf.mul(tf.matMul(x!, y!, false, true), 0.5), x!) }));
    await passOn(foldScale, program, batch);
  });
});

describe('rescale-gelu', () => {
  const weights = { ...batch, w2: normals([8, 24], 7), target: normals([6, 8], 8) };
  const network = (activated: (x: tf.Tensor) => tf.Tensor) => ({ x, w, b, w2, target }: Tensors): Record<string, tf.Tensor> => {
    const loss = (x: tf.Tensor, w: tf.Tensor, b: tf.Tensor, w2: tf.Tensor): tf.Scalar => tf.sum(tf.mul(linear(activated(linear(x, w, b)), w2), target!));
    const { value, grads: [dx, dw, db, dw2] } = tf.valueAndGrads(loss as (...x: tf.Tensor[]) => tf.Scalar)([x!, w!, b!, w2!]);
    return { value, dx: dx!, dw: dw!, db: db!, dw2: dw2! };
  };

  it('saves passes over the activations', async () => {
    const { before, after, hits } = await passOn(rescaleGelu, functionOf('mlp', weights, network(gelu)), weights);
    expect(hits).toBe(1);
    const wide = (graph: Graph): number => graph.nodes.filter(({ op, outputs }) => op !== 'MatMul' && graph.values.get(outputs[0]!)!.shape.join() === '6,24').length;
    expect([wide(before), wide(after)]).toEqual([13, 10]);
  });

  it('works for two in a row, where a product takes factors of both', async () => {
    const program = functionOf('two', { ...weights, w3: normals([24, 24], 9) }, (tensors) => network((x) => gelu(linear(gelu(x), tensors['w3']!, tensors['b']!)))(tensors));
    expect((await passOn(rescaleGelu, program, { ...weights, w3: normals([24, 24], 9) })).hits).toBe(2);
  });

  it('leaves a GELU alone whose value is read otherwise', async () => {
    const program = functionOf('read', weights, network((x) => tf.mul(gelu(x), 2)));
    expect((await passOn(rescaleGelu, program, weights)).hits).toBe(0);
  });
});

/** Those that compute products in 8 bits here. */
const enginesOfBytes: readonly ('compiled-cpu' | 'native')[] = ['compiled-cpu', ...(computesBytes() ? ['native' as const] : [])];

async function computedBy(kind: 'compiled-cpu' | 'native', program: Program, inputs: NamedTensors): Promise<NamedTensors> {
  const { engine } = await createEngine({ kind, threads: 1 });
  const compiled = await engine.compile(program);
  const [readings] = await compiled.run(engine.createState({}), [inputs]);
  await compiled.dispose();
  await engine.dispose();
  return readings!;
}

describe('quantize-weights', () => {
  const constants = { w: batch.w, other: batch.w };
  const products = ({ x, y }: Tensors, { w, other }: Tensors): Record<string, tf.Tensor> => ({ z: tf.mul(linear(x!, w!), 2), exact: linear(y!, other!), turned: tf.matMul(w!, x!, false, true) });

  it('computes products with the weights that are named in 8 bits, and leaves others alone', async () => {
    const program = functionOf('linear', { x: batch.x, y: batch.y }, products, constants);
    const before = foldScale.run(simplify.run(trace(program)).graph).graph;
    const { graph: after, hits } = quantizeWeights(['w'], FITS_IN_PAIRS).run(before);
    validate(after);
    expect(hits).toBe(1);
    const [expected, actual] = [await runGraph(before, program, {}, [batch]), await runGraph(after, program, {}, [batch])];
    const { z, ...others } = expected.readings[0]!;
    expectSame({ z: actual.readings[0]!['z']! }, { z: z! }, 0.03);
    expectSame({ exact: actual.readings[0]!['exact']!, turned: actual.readings[0]!['turned']! }, others, 0);
  });

  it.each(enginesOfBytes)('near the exact products, by the engine %s', async (kind) => {
    const program = functionOf('linear', { x: batch.x, y: batch.y }, products, constants);
    const { z, ...others } = (await runEagerly(program, {}, [batch])).readings[0]!;
    const { z: rounded, ...exact } = await computedBy(kind, { ...program, int8: ['w'] }, { x: batch.x, y: batch.y });
    expectSame({ z: rounded! }, { z: z! }, 0.03);
    expect(rounded!.data).not.toEqual(z!.data);
    expectSame(exact, others, 2e-6);
  });

  it.each(enginesOfBytes)('wherever rows and results lie, by the engine %s', async (kind) => {
    const program = functionOf('turned', { x: batch.x, y: batch.y }, ({ x, y }, { w }) => {
      const [left, right] = [linear(x!, w!), linear(tf.transpose(tf.reshape(y!, [8, 6]), [1, 0]), w!)];
      return { turned: tf.transpose(left, [1, 0]), joined: tf.concat([right, y!], 1), stacked: tf.concat([right, tf.transpose(tf.reshape(right, [24, 6]), [1, 0])], 0) };
    }, { w: batch.w });
    const expected = (await runEagerly(program, {}, [batch])).readings[0]!;
    expectSame(await computedBy(kind, { ...program, int8: ['w'] }, { x: batch.x, y: batch.y }), expected, 0.03);
  });

  it('does not saturate, whatever instructions there are: every product at its largest', async () => {
    const [rows, columns] = [4, 256];
    const x = float32([rows, columns], new Float32Array(rows * columns).fill(3));
    const w = float32([8, columns], new Float32Array(8 * columns).fill(-0.5));
    const program = functionOf('largest', { x }, (tensors, { w: weight }) => ({ z: linear(tensors['x']!, weight!) }), { w });
    const { graph } = quantizeWeights(['w'], FITS_IN_PAIRS).run(simplify.run(trace(program)).graph);
    const { readings } = await runGraph(graph, program, {}, [{ x }]);
    for (const value of readings[0]!['z']!.data) expect(value / (-1.5 * columns)).toBeCloseTo(1, 5);
  });

  it('keeps a row of zeros', async () => {
    const w = float32([2, 8], Float32Array.from({ length: 16 }, (_, i) => (i < 8 ? 0 : 1)));
    const program = functionOf('zeros', { x: batch.x }, ({ x }, { w: weight }) => ({ z: linear(x!, weight!) }), { w });
    const { graph } = quantizeWeights(['w'], FITS_IN_PAIRS).run(simplify.run(trace(program)).graph);
    const { readings } = await runGraph(graph, program, {}, [{ x: batch.x }]);
    expect(Array.from(readings[0]!['z']!.data).filter((_, i) => i % 2 === 0)).toEqual([0, 0, 0, 0, 0, 0]);
  });
});

describe('turn-operands', () => {
  const bothTurned = turnOperands(['transA', 'transB']);
  const turnsNothing = (graph: Graph): void => {
    for (const node of graph.nodes) if (node.op === 'MatMul') expect(node.attrs).toMatchObject({ transA: false, transB: false });
  };

  it('turns a constant here, and an operand of several products once', async () => {
    const program = functionOf('constant', { x: batch.x, y: batch.y }, ({ x, y }, { w }) => ({ z: linear(x!, w!), again: linear(y!, w!), other: tf.matMul(x!, y!, false, true), more: tf.matMul(y!, y!, false, true) }), { w: batch.w });
    const { after, hits } = await passOn(bothTurned, program, batch);
    expect(hits).toBe(4);
    turnsNothing(after);
    expect(count(after, 'Transpose')).toBe(1);
    const constants = [...after.values.values()].filter(({ data, shape }) => data && shape.length === 2);
    expect(constants.map(({ shape }) => shape)).toEqual([[8, 24]]);
    expect(constants[0]!.data!.slice(0, 3)).toEqual(Float32Array.of(batch.w.data[0]!, batch.w.data[8]!, batch.w.data[16]!));
  });

  it('turns the last two axes of batches, on either side', async () => {
    const several = { a: normals([2, 3, 5, 4], 7), b: normals([2, 3, 5, 6], 8), c: normals([2, 3, 7, 5], 9) };
    const program = functionOf('batches', several, ({ a, b, c }) => ({ left: tf.matMul(a!, b!, true, false), both: tf.matMul(a!, c!, true, true) }));
    const { after } = await passOn(bothTurned, program, several);
    turnsNothing(after);
    // `a` is turned once for both.
    expect(after.nodes.filter(({ op }) => op === 'Transpose').map(({ attrs }) => attrs)).toEqual([{ perm: [0, 1, 3, 2] }, { perm: [0, 1, 3, 2] }]);
  });

  it('makes one transposition of two, and none of two that cancel', async () => {
    const several = { q: normals([2, 5, 3, 4], 7), k: normals([2, 5, 3, 4], 8) };
    const attention = functionOf('attention', several, ({ q, k }) => ({ scores: tf.matMul(tf.transpose(q!, [0, 2, 1, 3]), tf.transpose(k!, [0, 2, 1, 3]), false, true) }));
    const composed = (await passOn(bothTurned, attention, several)).after;
    turnsNothing(composed);
    expect(composed.nodes.flatMap((node) => (node.op === 'Transpose' ? [node.attrs.perm] : []))).toEqual([[0, 2, 1, 3], [0, 2, 3, 1]]);

    const rotated = { r: normals([4, 2, 5], 7), s: normals([2, 3, 5], 8) };
    const rotation = functionOf('rotation', rotated, ({ r, s }) => ({ z: tf.matMul(s!, tf.transpose(r!, [1, 0, 2]), false, true) }));
    expect((await passOn(bothTurned, rotation, rotated)).after.nodes.flatMap((node) => (node.op === 'Transpose' ? [node.attrs.perm] : []))).toEqual([[1, 2, 0]]);

    const narrow = { x: batch.x, m: normals([8, 3], 7) };
    const back = functionOf('back', narrow, ({ x, m }) => ({ z: tf.matMul(x!, tf.transpose(m!, [1, 0]), false, true) }));
    const cancelled = (await passOn(bothTurned, back, narrow)).after;
    turnsNothing(cancelled);
    expect(cancelled.nodes.map(({ op }) => op)).toEqual(['MatMul']);
  });

  it('leaves products alone that turn nothing', async () => {
    const { before, after, hits } = await passOn(bothTurned, functionOf('plain', batch, ({ x, y }) => ({ z: tf.matMul(x!, tf.transpose(y!, [1, 0])) })), batch);
    expect(hits).toBe(0);
    expect(after).toBe(before);
  });
});

describe('fuse-attention', () => {
  const [B, T, H, d] = [2, 5, 2, 4];
  const width = H * d;
  const batch = { x: normals([B * T, width], 1) };
  const frozen = { weight: normals([3 * width, width], 2), bias: normals([3 * width], 3) };
  type Layers = Readonly<Record<'x' | 'weight' | 'bias', tf.Tensor>>;

  interface Between {
    readonly scores: tf.Tensor;
    readonly mixed: tf.Tensor;
  }

  function attention({ x, weight, bias }: Layers, changed: (scores: tf.Tensor) => tf.Tensor = (scores) => scores): Between & { attended: tf.Tensor } {
    const projected = tf.reshape(tf.add(tf.matMul(x, weight, false, true), bias), [B, T, 3, H, d]);
    const [q, k, v] = tf.split(tf.transpose(projected, [2, 0, 3, 1, 4]), 3, 0).map((part) => tf.reshape(part, [B, H, T, d])) as [tf.Tensor, tf.Tensor, tf.Tensor];
    const scores = changed(tf.mul(tf.matMul(q, k, false, true), 0.3));
    const mixed = tf.matMul(tf.softmax(scores), v);
    return { scores, mixed, attended: tf.reshape(tf.transpose(mixed, [0, 2, 1, 3]), [B * T, width]) };
  }

  /** The scale in the product, as in the pipeline. */
  const scaledAndFused: Pass = { name: 'fuse-attention', run: (graph) => fuseAttention.run(foldScale.run(graph).graph) };
  const program = (name: string, made: (layers: Layers) => Record<string, tf.Tensor>, constants: NamedTensors = frozen): Program => ({
    name, state: {}, constants, batch: { x: batch.x },
    run: (inputs) => ({ state: {}, readings: made({ ...(inputs.constants as Layers), x: inputs.batch['x']! }) }),
  });

  it('makes one operation of products, turns and softmax, with the scale that was used', async () => {
    const { after, hits } = await passOn(scaledAndFused, program('attention', (layers) => ({ y: attention(layers).attended })), batch);
    expect(hits).toBe(1);
    expect(after.nodes.map(({ op, attrs }) => ({ op, attrs }))).toEqual([{ op: 'Attention', attrs: { batch: B, heads: H, scale: expect.closeTo(0.3, 6) } }]);
  });

  it('leaves it alone where scores are read, or have something added', async () => {
    const apart = [
      program('scores read', (layers) => { const { attended, scores } = attention(layers); return { y: attended, scores }; }),
      program('result by heads read', (layers) => { const { attended, mixed } = attention(layers); return { y: attended, mixed }; }),
      program('biased scores', (layers) => ({ y: attention(layers, (scores) => tf.add(scores, tf.range(0, T))).attended })),
    ];
    for (const each of apart) expect((await passOn(scaledAndFused, each, batch)).hits, each.name).toBe(0);
  });

  it('leaves weights alone that are trained', async () => {
    const trained = { ...batch, ...frozen };
    const each = functionOf('trained', trained, (layers) => ({ y: attention(layers as Layers).attended }));
    expect((await passOn(scaledAndFused, each, trained)).hits).toBe(0);
  });
});

describe('a MaskAlign step', () => {
  const micro = stepSizes.micro;

  it.each(['random', 'attentive'] as const)('is the same compiled and eager, with %s masking', async (masking) => {
    const { program, state, batch } = stepCase(micro, { masking });
    const steps = [batch(1), batch(2)];
    const traced = trace(program);
    const { graph } = optimise(traced);
    validate(traced);
    validate(graph);
    const expected = await runEagerly(program, state, steps);
    const compiled = await runGraph(graph, program, state, steps);
    const plain = await runGraph(traced, program, state, steps);
    for (const outcome of [compiled, plain]) {
      outcome.readings.forEach((readings, step) => expectSame(readings, expected.readings[step]!, 2e-5));
    }
    // The key bias has no gradient in theory; what Adam makes of its rounding noise is not compared.
    const comparable = ({ state: values }: typeof expected): NamedTensors => Object.fromEntries(Object.entries(values).filter(([name]) => !name.endsWith('qkv.bias')));
    expectSameOutcome({ readings: [], state: comparable(compiled) }, { readings: [], state: comparable(expected) }, 1e-3);
  });

  it('finds every pattern where it expects it', () => {
    const { program } = stepCase(micro);
    const { passes: reports } = optimise(trace(program));
    const hits = Object.fromEntries(reports.map((report) => [report.name, report.hits]));
    const { depth } = micro;
    expect(hits['rescale-gelu']).toBe(depth);
    // The teacher's, but for its last block, which is computed for the visible tokens only.
    expect(hits['fuse-attention']).toBe(depth - 1);
    // Student: two norms a block, each as y and as x̂. Teacher: two a block and the one before; one whitening a level.
    expect(hits['fuse-layer-norm']).toBe(4 * depth + (2 * depth + 1) + depth);
  });

  it('runs with any pass left out', async () => {
    const { program, state, batch } = stepCase(micro);
    const expected = await runEagerly(program, state, [batch(1)]);
    for (const { name } of passesFor('cpu')) {
      const { graph } = optimise(trace(program), { disabledPasses: [name] });
      validate(graph);
      const actual = await runGraph(graph, program, state, [batch(1)]);
      expectSame(actual.readings[0]!, expected.readings[0]!, 1e-5);
    }
  });

  it('names the passes where one is unknown', () => {
    const { program } = stepCase(micro);
    expect(() => optimise(trace(program), { disabledPasses: ['fuse-everything'] })).toThrow(/no pass "fuse-everything"; the passes are simplify,/);
  });
});
