import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigError, loadExperiment } from '../../../extension/core/config/load';
import { UserError } from '../../../extension/core/problems';
import { prepare } from '../../../extension/training/prepare';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mim-prepare-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function write(name: string, content: string | Uint8Array = ''): Promise<string> {
  const file = join(folder, name);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, content);
  return file;
}

const student = 'student: { patch_size: 4, width: 16, depth: 2, heads: 2, drop_path: 0 }';
const common = ['mim: 1', student, 'optimizer: { batch_size: 2, lr: 1e-3 }'];

async function failure(...lines: string[]): Promise<ConfigError> {
  const file = await write('my.mim.yaml', [...common, ...lines].join('\n'));
  const { resolved, locate } = await loadExperiment(file);
  const error: unknown = await prepare(resolved, { file, locate }).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ConfigError);
  return error as ConfigError;
}

/** Where the first problem is, and what it is. */
function told({ problems: [problem], exitCode }: ConfigError): unknown {
  return { code: problem?.code, line: problem?.range?.start.line, column: problem?.range?.start.column, hint: problem?.hint !== undefined, exitCode };
}

const selfTaught = ['method: maskalign', 'teacher: { ema: {} }'];
const knn = 'evaluate: [{ protocol: knn, at: end }]';

describe('what is wrong with the files of an experiment is told at the key that names them', () => {
  it('images that cannot be recognised', async () => {
    await write('set/notes.txt');
    expect(told(await failure(...selfTaught, 'data: { path: set, image_size: 16 }'))).toEqual({ code: 'MIM2002', line: 6, column: 15, hint: true, exitCode: 2 });
  });

  it('test images with a class of their own', async () => {
    for (const name of ['train/cat/1.png', 'train/cat/2.png', 'test/dog/1.png']) await write(name);
    const error = await failure(...selfTaught, knn, 'data: { path: train, test_path: test, image_size: 16 }');
    expect(told(error)).toEqual({ code: 'MIM2006', line: 7, column: 33, hint: true, exitCode: 2 });
    expect(error.message).toContain('my.mim.yaml:7:33');
    expect(error.message).toContain('7 | data: { path: train');
  });

  it('a teacher that is no weight file', async () => {
    await write('teacher.safetensors', 'nothing of the kind');
    expect(told(await failure('method: maskalign', 'teacher: { checkpoint: teacher.safetensors }', 'data: { kind: shapes, image_size: 16 }'))).toMatchObject({ line: 5, column: 24, exitCode: 2 });
  });

  it('fewer images than a batch takes', async () => {
    expect(told(await failure(...selfTaught, 'data: { kind: shapes, size: 1, image_size: 16 }'))).toEqual({ code: 'MIM2201', line: 3, column: 26, hint: true, exitCode: 2 });
  });

  it('one class, where labels are learned', async () => {
    for (const name of ['set/cat/1.png', 'set/cat/2.png']) await write(name);
    expect(told(await failure('method: supervised', 'data: { path: set, image_size: 16 }'))).toMatchObject({ line: 5, column: 15, exitCode: 2 });
  });

  it('without a file, as on resuming, the error is as it was', async () => {
    const file = await write('my.mim.yaml', [...common, ...selfTaught, 'data: { kind: shapes, size: 1, image_size: 16 }'].join('\n'));
    const error: unknown = await prepare((await loadExperiment(file)).resolved).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(UserError);
    expect(error).not.toBeInstanceOf(ConfigError);
  });
});

describe('labels are looked at before training', () => {
  it('images without labels cannot be probed', async () => {
    for (const name of ['set/1.png', 'set/2.png', 'set/3.png']) await write(name);
    const error = await failure(...selfTaught, knn, 'data: { path: set, image_size: 16 }');
    expect(told(error)).toEqual({ code: 'MIM1203', line: 7, column: 15, hint: true, exitCode: 2 });
    expect(error.problems[0]!.message).toContain('no labels');
  });

  it('test images without labels are told where they are named', async () => {
    for (const name of ['train/cat/1.png', 'train/dog/2.png', 'test/1.png']) await write(name);
    const error = await failure(...selfTaught, knn, 'data: { path: train, test_path: test, image_size: 16 }');
    expect(told(error)).toMatchObject({ code: 'MIM1203', line: 7, column: 33 });
    expect(error.problems[0]!.message).toContain('1 of 1 test images');
  });

  it('some labels are not enough', async () => {
    await write('set/train-images-idx3-ubyte', idx([2, 2, 2], 8));
    await write('set/train-labels-idx1-ubyte', Uint8Array.of(...idx([2], 0), 0, 1));
    await write('set/t10k-images-idx3-ubyte', idx([2, 2, 2], 8));
    await write('set/t10k-labels-idx1-ubyte', Uint8Array.of(...idx([2], 0), 1, 7));
    const error = await failure(...selfTaught, knn, 'data: { path: set, image_size: 16 }');
    expect(error.problems[0]!.message).toContain('1 of 2 test images have none that training images have; the first is');
    expect(error.problems[0]!.message).toContain('image 1');
  });
});

describe('images held out', () => {
  const images = Array.from({ length: 10 }, (_, i) => `set/${i % 2 === 0 ? 'cat' : 'dog'}/${i}.png`);

  async function prepared(...lines: string[]) {
    for (const name of images) await write(name);
    const file = await write('my.mim.yaml', [...common, ...selfTaught, ...lines].join('\n'));
    return prepare((await loadExperiment(file)).resolved);
  }

  it('are none where nothing is evaluated', async () => {
    expect((await prepared('data: { path: set, image_size: 16 }')).train.length).toBe(10);
  });

  it('are a tenth where something is, or what the experiment says in any case', async () => {
    const probed = await prepared('data: { path: set, image_size: 16 }', knn);
    expect([probed.train.length, probed.test?.length]).toEqual([9, 1]);
    expect((await prepared('data: { path: set, image_size: 16, holdout: 0.3 }')).train.length).toBe(7);
  });
});

/** An idx file of unsigned bytes: its header and `zeros` values. */
function idx(dims: readonly number[], zeros: number): Uint8Array {
  return Uint8Array.of(0, 0, 8, dims.length, ...dims.flatMap((dim) => [0, 0, 0, dim]), ...new Uint8Array(zeros));
}
