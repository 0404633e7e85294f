import { mkdirSync, readdirSync, readFileSync, statSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { expect, it } from 'vitest';
import { compile } from '../../../extension/training/engines/compiled/compile';
import { OnnxProgram } from '../../../extension/training/engines/compiled/compiled-program';
import { CompiledState } from '../../../extension/training/engines/compiled/compiled-state';
import { graphsFolder, openKept } from '../../../extension/training/engines/compiled/graph-cache';
import { loopModel } from '../../../extension/training/engines/compiled/loop';
import { OnnxGraph, writeModel } from '../../../extension/training/engines/compiled/onnx-writer';
import { sessionOptions } from '../../../extension/training/engines/compiled/session-options';
import { temporaryFolder } from '../data/fixtures';
import { stepCases, stepOf } from './training-steps';

const options = sessionOptions('cpu', 1);

/** y = x · value */
function scaling(value: number): Uint8Array {
  const onnx = new OnnxGraph('scaling');
  onnx.input('x', 'float32', [4]);
  onnx.initializer('value', 'float32', [], Float32Array.of(value));
  onnx.node('Mul', ['x', 'value'], ['y']);
  onnx.output('y', 'float32', [4]);
  return writeModel(onnx);
}

async function scaled(session: InferenceSession): Promise<number[]> {
  const { y } = await session.run({ x: new Tensor('float32', Float32Array.of(1, 2, 3, 4), [4]) });
  await session.release();
  return Array.from(y!.data as Float32Array);
}

const names = (folder: string): string[] => readdirSync(folder).sort();

it('a training step gives the same bits from the cache', async () => {
  const folder = temporaryFolder();
  const { program, initial, batches } = stepOf(stepCases()[0]!);
  const { onnx, ...io } = loopModel(compile(program).graph);
  const model = writeModel(onnx);
  const train = async (session: InferenceSession) => {
    const state = new CompiledState(initial);
    const compiled = new OnnxProgram(program, { session, io });
    const readings = await compiled.run(state, batches);
    const after = await state.read();
    await compiled.dispose();
    return { readings, after };
  };
  const made = await train(await InferenceSession.create(model, options));
  expect(await train(await openKept(model, options, folder))).toEqual(made);
  expect(names(folder)).toHaveLength(1);
  expect(await train(await openKept(model, options, folder))).toEqual(made);
});

it('every model has a file of its own, and is opened from it', async () => {
  const folder = temporaryFolder();
  for (const value of [2, 3, 2]) expect(await scaled(await openKept(scaling(value), options, folder))).toEqual([1, 2, 3, 4].map((x) => x * value));
  expect(names(folder)).toHaveLength(2);
  await scaled(await openKept(scaling(2), sessionOptions('cpu', 2), folder));
  expect(names(folder)).toHaveLength(3);
});

it('a damaged file is made again', async () => {
  const folder = temporaryFolder();
  await scaled(await openKept(scaling(2), options, folder));
  const [name] = names(folder);
  const file = path.join(folder, name!);
  const good = readFileSync(file);
  // The value itself: a model that opens, and computes something else.
  const place = good.indexOf(Buffer.from(Float32Array.of(2).buffer));
  expect(place).toBeGreaterThan(0);
  const damaged = Buffer.from(good);
  damaged.writeFloatLE(5, place);
  for (const content of [damaged, good.subarray(0, 20), Buffer.alloc(0)]) {
    writeFileSync(file, content);
    expect(await scaled(await openKept(scaling(2), options, folder))).toEqual([2, 4, 6, 8]);
    expect(readFileSync(file)).toEqual(good);
  }
  expect(names(folder)).toEqual([name]);
});

it('a folder that cannot be written is done without', async () => {
  const folder = path.join(temporaryFolder(), 'file');
  writeFileSync(folder, '');
  expect(await scaled(await openKept(scaling(2), options, folder))).toEqual([2, 4, 6, 8]);
  expect(await scaled(await openKept(scaling(2), options, path.join(folder, 'below')))).toEqual([2, 4, 6, 8]);
});

it('those not used for longest make room', async () => {
  const folder = temporaryFolder();
  mkdirSync(folder, { recursive: true });
  // Sparse: sizes, no bytes on the disk.
  const old = ['older', 'newer'].map((name, i) => {
    const file = path.join(folder, `${name}-x.onnx`);
    writeFileSync(file, '');
    truncateSync(file, 600 * 2 ** 20);
    utimesSync(file, 1000 + i, 1000 + i);
    return file;
  });
  await scaled(await openKept(scaling(2), options, folder));
  expect(names(folder)).not.toContain(path.basename(old[0]!));
  expect(names(folder)).toContain(path.basename(old[1]!));
  expect(names(folder)).toHaveLength(2);
});

it('a use makes a file new', async () => {
  const folder = temporaryFolder();
  await scaled(await openKept(scaling(2), options, folder));
  const file = path.join(folder, names(folder)[0]!);
  utimesSync(file, 1000, 1000);
  await scaled(await openKept(scaling(2), options, folder));
  expect(statSync(file).mtimeMs).toBeGreaterThan(1e12);
});

it('lies where the variable says, in the user’s cache, or nowhere', () => {
  expect(graphsFolder({ MIM_GRAPHS: 'off' })).toBeUndefined();
  expect(graphsFolder({ MIM_GRAPHS: '/else' })).toBe(path.resolve('/else'));
  expect(graphsFolder({ XDG_CACHE_HOME: '/cache' })).toBe(path.join('/cache', 'mim', 'graphs'));
  expect(graphsFolder({})).toMatch(/[\\/]\.cache[\\/]mim[\\/]graphs$/);
});
