/**
 * Half precision on wgsl: products round as the standard says, steps of every method stay near PyTorch's in float64, a scale that is
 * too large costs a step and nothing else. What is for matrix units cannot run in software; Dawn's validation reads it.
 */
import { pathToFileURL } from 'node:url';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stepCase, stepSizes } from '../../bench/step-case';
import { floatsToHalves, halvesToFloats } from '../../extension/core/checkpoints/half';
import type { HostTensor, NamedTensors } from '../../extension/core/tensors';
import { float32 } from '../../extension/core/tensors';
import { compile } from '../../extension/training/engines/compiled/compile';
import { createEngine } from '../../extension/training/engines/create';
import type { Engine, Readings } from '../../extension/training/engines/engine';
import { dawnFile, type Gpu } from '../../extension/training/engines/installed/dawn';
import { requireInstallation } from '../../extension/training/engines/installed/find-installation';
import { planOf } from '../../extension/training/engines/wgsl/plan';
import { unitsCode } from '../../extension/training/engines/wgsl/matmul-units-kernel';
import { expectedTensors, parityCases, withPrefix } from '../parity/parity-case';
import { train } from '../parity/train-case';
import { expectSame, functionOf, runEagerly } from '../unit/engines/comparing';
import { normals } from '../unit/engines/small-programs';

let engine: Engine;
beforeAll(async () => {
  ({ engine } = await createEngine({ kind: 'wgsl', threads: 1, precision: 'float16' }));
});
afterAll(() => engine.dispose());

const rounded = ({ shape, data }: HostTensor): HostTensor => float32(shape, halvesToFloats(floatsToHalves(data as Float32Array)));

describe('products', () => {
  const products = (batch: Record<string, HostTensor>) => functionOf('products', batch, ({ a, at, b, bt, batched }) => ({
    plain: tf.matMul(a!, b!), left: tf.matMul(at!, b!, true), right: tf.matMul(a!, bt!, false, true), batched: tf.matMul(batched!, batched!, false, true),
  }));

  it.each([[6, 7, 5], [130, 96, 140], [67, 70, 65]])('of [%i, %i]·[…, %i] are those of rounded operands; of batches, of operands as they are', async (m, k, n) => {
    const batch = { a: normals([m, k], 1), at: normals([k, m], 2), b: normals([k, n], 3), bt: normals([n, k], 4), batched: normals([2, 3, 5], 5) };
    const compiled = await engine.compile({ ...products(batch), precision: 'float16' });
    const [made] = await compiled.run(engine.createState({}), [batch]);
    const halves = { ...Object.fromEntries(Object.entries(batch).map(([name, value]) => [name, rounded(value)])), batched: batch.batched };
    expectSame(made!, (await runEagerly(products(batch), {}, [halves])).readings[0]!, 2e-6);
    const exact = (await runEagerly(products(batch), {}, [batch])).readings[0]!;
    expect(() => expectSame(made!, exact, 2e-5), 'rounding shows').toThrow();
    await compiled.dispose();
  });

  it('are of float32 in programs that do not ask for half precision', async () => {
    const batch = { a: normals([6, 7], 1), at: normals([7, 6], 2), b: normals([7, 5], 3), bt: normals([5, 7], 4), batched: normals([2, 3, 5], 5) };
    const compiled = await engine.compile(products(batch));
    expectSame((await compiled.run(engine.createState({}), [batch]))[0]!, (await runEagerly(products(batch), {}, [batch])).readings[0]!, 2e-6);
    await compiled.dispose();
  });

  it('keep what half precision keeps: zeros, its smallest numbers, its largest, and infinity beyond', async () => {
    const values = Float32Array.of(0, 2 ** -14, 6e-5, -65504, 65519, 65520, -70_000, 1 + 2 ** -11, 1 + 3 * 2 ** -11);
    const x = float32([values.length, 1], values);
    const program = functionOf('column', { x }, ({ x: column }) => {
      const made = tf.matMul(column!, tf.ones([1, 1]));
      return { made: tf.where(tf.isFinite(made), made, 0), finite: tf.cast(tf.isFinite(made), 'float32') };
    });
    const compiled = await engine.compile({ ...program, precision: 'float16' });
    const [{ made, finite }] = await compiled.run(engine.createState({}), [{ x }]) as [Readings];
    const expected = rounded(x).data;
    expect(Array.from(finite!.data)).toEqual(Array.from(expected, (value) => Number(Number.isFinite(value))));
    // Below 2⁻¹⁴ a GPU may round to zero.
    expect(Array.from(made!.data, (value, i) => (i === 2 && value === 0 ? expected[2] : value))).toEqual(Array.from(expected, (value) => (Number.isFinite(value) ? value : 0)));
    await compiled.dispose();
  });
});

it('is what `auto` takes for half precision, in software too, and nothing else', async () => {
  const { engine: chosen, reason } = await createEngine({ kind: 'auto', threads: 1, precision: 'float16' });
  expect(reason).toMatch(/^Chose wgsl, which alone computes in float16: /);
  expect(chosen.describe()).toMatchObject({ products: 'float16, no matrix units' });
  await chosen.dispose();
});

/** ‖a − b‖/‖b‖ over all tensors. */
function relativeDistance(actual: NamedTensors, expected: readonly (readonly [string, HostTensor])[]): number {
  let [difference, norm] = [0, 0];
  for (const [name, { data }] of expected) {
    data.forEach((value, i) => {
      difference += (actual[name]!.data[i]! - value) ** 2;
      norm += value ** 2;
    });
  }
  return Math.sqrt(difference / norm);
}

describe('training steps', () => {
  const oneOfEachMethod = parityCases.filter(({ method }, i) => parityCases.findIndex((other) => other.method === method) === i);
  const others = parityCases.filter(({ name }) => ['clipped', 'accumulated', 'mae-raw-pixels'].includes(name));

  /** Of raw pixels, whose last layer's gradient is a small sum of large terms at these sizes. */
  const predictsPixels = new Set(['simmim', 'mae-raw-pixels']);

  it.each([...oneOfEachMethod, ...others].map((parityCase) => [parityCase.name, parityCase] as const))('%s stays near PyTorch in float64', async (name, parityCase) => {
    const { losses, gradients, readings } = await train(engine, parityCase, { precision: 'float16' });
    losses.forEach((loss, step) => expect(Math.abs(loss / parityCase.losses[step]! - 1), `loss of step ${step}`).toBeLessThan(1e-3));
    parityCase.grad_norms.forEach((norm, step) => expect(Math.abs(readings[step]!['grad_norm']!.data[0]! / norm - 1), `gradient norm of step ${step}`).toBeLessThan(5e-3));
    expect(relativeDistance(gradients, withPrefix(await expectedTensors(name), 'grad.'))).toBeLessThan(predictsPixels.has(name) ? 2e-2 : 5e-3);
    expect(readings.at(-1)!['skipped_steps']!.data[0]).toBe(0);
  });

  const size = stepSizes.micro;
  const { program, state: initial, batch } = stepCase(size, { precision: 'float16' });

  /** Steps from a state whose loss is scaled by `scale`. */
  async function steps(scale: number, count: number): Promise<{ readings: Readings[]; state: NamedTensors }> {
    const compiled = await engine.compile(program);
    const state = engine.createState({ ...initial, 'loss_scaling.scale': float32([], Float32Array.of(scale)) });
    const readings = await compiled.run(state, Array.from({ length: count }, (_, i) => batch(i + 1)));
    const after = await state.read();
    await compiled.dispose();
    state.dispose();
    return { readings, state: after };
  }

  it('leaves every bit of parameters and moments where gradients overflow, halves the scale, and goes on', async () => {
    const { readings: [first], state } = await steps(2 ** 34, 1);
    expect(first!['grad_norm']!.data[0]).not.toSatisfy(Number.isFinite);
    expect(first!['loss']!.data[0]).toSatisfy(Number.isFinite);
    expect([first!['loss_scale']!.data[0], first!['skipped_steps']!.data[0]]).toEqual([2 ** 33, 1]);
    for (const [name, value] of Object.entries(initial)) if (!name.startsWith('loss_scaling.')) expect(state[name]!.data, name).toEqual(value.data);
    const { readings } = await steps(2 ** 34, 16);
    expect(readings.at(-1)!['grad_norm']!.data[0]).toSatisfy(Number.isFinite);
    expect(readings.at(-1)!['skipped_steps']!.data[0]).toBeLessThan(16);
  });

  it('needs its scale: gradients vanish where the loss is made small', async () => {
    const norm = async (scale: number): Promise<number> => (await steps(scale, 1)).readings[0]!['grad_norm']!.data[0]!;
    const [scaled, small] = [await norm(65536), await norm(2 ** -16)];
    expect(Math.abs(small / scaled - 1)).toBeGreaterThan(0.1);
    // A power of two moves no digit while nothing overflows or vanishes.
    expect(Math.abs((await norm(32768)) / scaled - 1)).toBeLessThan(1e-4);
  });
});

describe('kernels for matrix units', () => {
  // Held until the end: with the last reference to it Dawn ends, and what still calls it waits for ever or crashes.
  let gpu: Gpu;
  let device: GPUDevice;
  beforeAll(async () => {
    const { create } = (await import(pathToFileURL(dawnFile(requireInstallation('wgsl').folder)).href)) as { create(flags: readonly string[]): Gpu };
    // A device that computes nothing, has every feature, and reads what it is given.
    gpu = create(['backend=null', 'enable-dawn-features=allow_unsafe_apis']);
    const adapter = (await gpu.requestAdapter({ powerPreference: 'high-performance' }))!;
    device = (await adapter.requestDevice({ requiredFeatures: ['shader-f16', 'subgroups', 'chromium-experimental-subgroup-matrix'], requiredLimits: {} })) as GPUDevice;
  });
  afterAll(() => device.destroy());

  async function problemOf(code: string): Promise<string | undefined> {
    device.pushErrorScope('validation');
    device.createShaderModule({ code });
    return (await device.popErrorScope())?.message;
  }

  it.each([128, 64])('are valid, %i columns a tile, turned or not, whole or in parts', async (n) => {
    for (const transA of [false, true]) {
      for (const shares of [1, 3]) expect(await problemOf(unitsCode({ m: 128, n: 3 * n, k: 192, transA, alpha: 0.5, shares, each: 64 }))).toBeUndefined();
    }
    expect(await problemOf(unitsCode({ m: 128, n, k: 64, transA: false, alpha: 1, shares: 1, each: 64 }).replace('workgroupBarrier();', 'no_such_thing();'))).toMatch(/no_such_thing/);
  });

  it('serve the products of a step whose sizes fit them, also of 192 channels', () => {
    const { graph } = compile(stepCase({ ...stepSizes.micro, batch: 64, width: 192, heads: 3 }).program, { device: 'wgsl' });
    const { kernels } = planOf(graph, { products: 'units', mostBuffers: 16 });
    const on = kernels.filter(({ name }) => name === 'MatMul on units').length;
    expect(on).toBeGreaterThan(kernels.filter(({ name }) => name === 'MatMul').length);
  });
});
