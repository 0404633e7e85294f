import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ConfigError, loadExperiment } from '../../../extension/core/config/load';
import type { Overrides } from '../../../extension/core/config/overrides';
import { UserError } from '../../../extension/core/problems';
import { experimentText } from './experiment-of';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mim-config-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

function write(name: string, content = ''): string {
  const file = join(folder, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
  return file;
}

async function problemsOf(lines: string[], overrides: Overrides = {}): Promise<{ code: string; message: string; hint?: string }[]> {
  write('teacher.safetensors', 'weights');
  const file = write('my.mim.yaml', experimentText(...lines));
  try {
    const { warnings } = await loadExperiment(file, overrides);
    return warnings;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ code, message, hint, range, file: place }) => ({
      code,
      line: range?.start.line,
      column: range?.start.column,
      file: place?.replace(folder, '…'),
      message: message.replaceAll(folder, '…'),
      hint: hint?.replaceAll(folder, '…'),
    }));
  }
}

describe('overrides', () => {
  test('are values of the file', async () => {
    write('teacher.safetensors', 'weights');
    const file = write('my.mim.yaml', experimentText('evaluate: [{ protocol: knn, at: end }]'));
    const { resolved, source } = await loadExperiment(file, {
      'masking.ratio': '0.5',
      'student.drop_path': '0.2',
      'evaluate.0.k': '5',
      'data.crop_scale': '[0.5, 1]',
      engine: 'tfjs-wasm',
      'engine.threads': '2',
      'schedule.epochs': '3',
    });
    expect(resolved.derived.keepCount).toBe(32);
    expect(resolved.student).toMatchObject({ width: 192, dropPath: 0.2 });
    expect(resolved.evaluate[0]?.k).toBe(5);
    expect(resolved.data.crop_scale).toEqual([0.5, 1]);
    expect(resolved.engine).toMatchObject({ kind: 'tfjs-wasm', threads: 2 });
    expect(source, 'the source stays as written').not.toContain('wasm');
  });

  test('remove a key when empty', async () => {
    const file = write('my.mim.yaml', experimentText());
    const { resolved } = await loadExperiment(file, { teacher: '', method: 'supervised' });
    expect(resolved.teacher).toBeUndefined();
  });

  test.each([
    ['masking.ratio', '1.5', 'MIM1006', '`masking.ratio` must be a number at least 0 and below 1, but is 1.5.'],
    ['masking.ratoi', '0.5', 'MIM1003', 'Unknown key `masking.ratoi`.'],
    ['masking.ratio', '[1', 'MIM1001', 'Flow sequence must end with a ].'],
    ['masking..ratio', '1', 'MIM1011', '`masking..ratio` is not a key.'],
    ['masking.ratio.x', '1', 'MIM1005', '`masking.ratio` must be a number at least 0 and below 1, but is a mapping.'],
    ['seed.x.y', '1', 'MIM1005', '`seed` must be a whole number at least 0, but is a mapping.'],
    ['method.x', '1', 'MIM1011', '`method.x` cannot be set: there is no such place in the file.'],
    ['evaluate.7.k', '1', 'MIM1011', '`evaluate.7.k` cannot be set: there is no such place in the file.'],
    ['derived.keepCount', '1', 'MIM1003', 'Unknown key `derived`.'],
    ['__proto__.polluted', '1', 'MIM1003', 'Unknown key `__proto__`.'],
    ['schedule.warmup_epochs', '300', 'MIM1110', 'A warm-up of 300 epochs leaves nothing of 200.'],
  ])('--set %s=%s is blamed for its mistake', async (key, value, code, message) => {
    expect(await problemsOf(['evaluate: []'], { [key]: value })).toMatchObject([{ code, file: `--set ${key}=${value}`, line: undefined, message }]);
    expect({}).not.toHaveProperty('polluted');
  });
});

describe('the files of an experiment', () => {
  test('are in order where they are there', async () => {
    write('images/cat/1.jpg');
    expect(await problemsOf(['data: { kind: folder, path: images, image_size: 32 }', 'evaluate: [{ protocol: knn, at: end }]'])).toEqual([]);
    expect(await problemsOf(['data: { path: images, image_size: 32 }'])).toEqual([]);
    write('flat/1.png');
    expect(await problemsOf(['data: { kind: folder, path: flat, image_size: 32 }']), 'pretraining needs no classes').toEqual([]);
  });

  test.each([
    ['data.tar', 'tar'],
    ['shards/train-0001.tar', 'tar'],
    ['cifar-10-batches-bin/data_batch_1.bin', 'cifar10'],
    ['cifar-100-binary/train.bin', 'cifar100'],
    ['train-images-idx3-ubyte.gz', 'idx'],
    ['data/train-00000-of-00001.parquet', 'parquet'],
  ])('%s is found to be %s', async (name, kind) => {
    write(`set/${name}`, 'x');
    expect(await problemsOf([`data: { kind: ${kind}, path: set, image_size: 32 }`])).toEqual([]);
    expect(await problemsOf([`data: { kind: ${kind}, path: set/${name}, image_size: 32 }`])).toEqual([]);
  });

  test('a path that does not exist, with the name that may be meant', async () => {
    write('images/train/cat/1.jpg');
    expect(await problemsOf(['data: { path: imagse/train, image_size: 32 }'])).toEqual([
      {
        code: 'MIM1201',
        file: '…/my.mim.yaml',
        line: 3,
        column: 15,
        message: '…/imagse/train does not exist.',
        hint: 'There is …/images. Paths are relative to the experiment’s file.',
      },
    ]);
    expect(await problemsOf(['data: { path: images/validation, image_size: 32 }'])).toMatchObject([{ hint: '…/images exists, validation in it does not. Paths are relative to the experiment’s file.' }]);
  });

  test('a test path that does not exist', async () => {
    write('images/cat/1.jpg');
    expect(await problemsOf(['data: { path: images, test_path: nowhere, image_size: 32 }'])).toMatchObject([{ code: 'MIM1201', line: 3, message: '…/nowhere does not exist.' }]);
  });

  test('a path that is not of its kind', async () => {
    write('images/notes.txt');
    for (const kind of ['tar', 'cifar10', 'cifar100', 'idx', 'parquet', 'folder']) {
      expect(await problemsOf([`data: { kind: ${kind}, path: images, image_size: 32 }`]), kind).toMatchObject([{ code: 'MIM1202' }]);
    }
    expect(await problemsOf(['data: { kind: folder, path: images/notes.txt, image_size: 32 }'])).toMatchObject([{ code: 'MIM1202', message: '…/images/notes.txt is a file, but `kind: folder` reads folders of images.' }]);
  });

  test('images without class folders, where labels are needed', async () => {
    write('flat/1.png');
    const data = 'data: { kind: folder, path: flat, image_size: 32 }';
    expect(await problemsOf([data, 'evaluate: [{ protocol: knn, at: end }]'])).toMatchObject([
      { code: 'MIM1203', line: 3, message: '…/flat holds 1 images but no class folders, and `evaluate` needs labels.', hint: 'Each class is a folder: PATH/CLASS/IMAGE.jpg.' },
    ]);
    expect(await problemsOf([data, 'method: supervised', 'teacher: absent'])).toMatchObject([{ code: 'MIM1203' }]);
  });

  test('a teacher that does not exist, is no teacher, or is empty', async () => {
    expect(await problemsOf(['teacher: { checkpoint: teachr.safetensors }'])).toMatchObject([
      { code: 'MIM1204', line: 5, hint: 'There is …/teacher.safetensors. Paths are relative to the experiment’s file. A run of `mim teacher` makes one.' },
    ]);
    write('notes.txt', 'x');
    write('folder/notes.txt', 'x');
    write('empty.safetensors', '');
    expect(await problemsOf(['teacher: { checkpoint: notes.txt }'])).toMatchObject([{ code: 'MIM1205', message: '…/notes.txt does not look like weights.' }]);
    expect(await problemsOf(['teacher: { checkpoint: folder }'])).toMatchObject([{ code: 'MIM1205', message: 'The folder …/folder holds no teacher.' }]);
    expect(await problemsOf(['teacher: { checkpoint: empty.safetensors }'])).toMatchObject([{ code: 'MIM1205', message: '…/empty.safetensors is empty.' }]);
  });

  test('a run, a checkpoint and a downloaded model are teachers', async () => {
    write('run/checkpoints/step-000001/model.safetensors', 'x');
    write('hub/pytorch_model.bin', 'x');
    for (const path of ['run', 'run/checkpoints', 'run/checkpoints/step-000001', 'hub', 'hub/pytorch_model.bin']) {
      expect(await problemsOf([`teacher: { checkpoint: ${path} }`]), path).toEqual([]);
    }
  });
});

describe('weights on the Hub', () => {
  test('are no path on this machine', async () => {
    for (const reference of ['hf://timm/vit_base_patch16_224.dino', 'hf://a/b@v1/model.safetensors']) {
      expect(await problemsOf([`teacher: { checkpoint: '${reference}' }`, `init: { checkpoint: '${reference}' }`]), reference).toEqual([]);
      const { resolved } = await loadExperiment(write('my.mim.yaml', experimentText(`teacher: { checkpoint: '${reference}' }`)));
      expect(resolved.teacher?.checkpoint).toBe(reference);
    }
  });

  test('are told where they are not named as they must be', async () => {
    expect(await problemsOf(["teacher: { checkpoint: 'hf://vit' }"])).toMatchObject([{ code: 'MIM1207', line: 5, message: 'hf://vit does not name a repository of the Hub.' }]);
    expect(await problemsOf(["init: { checkpoint: 'hf://a/b/config.json' }"])).toMatchObject([{ code: 'MIM1207', message: 'hf://a/b/config.json does not name a file of weights: config.json.' }]);
  });
});

describe('loading', () => {
  test('tells every problem at once, in reading order', async () => {
    const codes = (await problemsOf(['data: { path: nowhere, image_size: 30 }', 'schedule: { epochs: 1, warmup_epochs: 2 }', 'teacher: { checkpoint: none.safetensors }'])).map(({ code }) => code);
    expect(codes).toEqual(['MIM1201', 'MIM1103', 'MIM1204', 'MIM1110']);
  });

  test('the error’s message is the whole report', async () => {
    const file = write('my.mim.yaml', experimentText('masking: { ratio: 2 }', 'seed: -1', 'teacher: { ema: {} }'));
    const error = await loadExperiment(file).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).message.match(/error MIM1006/g)).toHaveLength(2);
    expect((error as ConfigError).code).toBe('MIM1006');
  });

  test('a file that cannot be read is no stack trace', async () => {
    const missing = await loadExperiment(join(folder, 'none.mim.yaml')).catch((thrown: unknown) => thrown);
    expect(missing).toBeInstanceOf(UserError);
    expect((missing as UserError).message).toMatch(/cannot be read: there is no such file\.$/);
    const aFolder = await loadExperiment(folder).catch((thrown: unknown) => thrown);
    expect((aFolder as UserError).message).toMatch(/cannot be read: it is a folder\.$/);
  });
});
