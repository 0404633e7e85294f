import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { listFolder } from '../../../extension/core/language/list-folder';

const folder = mkdtempSync(join(tmpdir(), 'mim-folder-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('links are what they lead to, and what cannot be read is empty', async () => {
  mkdirSync(join(folder, 'images'));
  writeFileSync(join(folder, 'blob'), '');
  symlinkSync(join(folder, 'blob'), join(folder, 'model.safetensors'));
  symlinkSync(join(folder, 'images'), join(folder, 'train'));
  symlinkSync(join(folder, 'nowhere'), join(folder, 'broken'));
  const found = new Map((await listFolder(folder)).map(({ name, isFolder }) => [name, isFolder]));
  expect(Object.fromEntries(found)).toEqual({ images: true, blob: false, 'model.safetensors': false, train: true, broken: false });
  expect(await listFolder(join(folder, 'nowhere'))).toEqual([]);
  expect(await listFolder(join(folder, 'blob'))).toEqual([]);
});
