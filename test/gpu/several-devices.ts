/** More devices than one, in software: copies of SwiftShader's driver, whose name, number of the model and threads are written anew. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { SOFTWARE_VULKAN } from '../software-vulkan';

const MANIFEST = path.join(SOFTWARE_VULKAN, 'vk_swiftshader_icd.json');

/** What SwiftShader says of itself: its name, vendor and model (little-endian), the name of its threads. */
const OWN = { name: 'SwiftShader Device', numbers: Buffer.from('e01a0000dec00000', 'hex'), threads: 'Thread<%' };
/** Of the same lengths. */
const OTHER = { name: 'SwiftShader Second', numbers: Buffer.from('e01a0000dfc00000', 'hex'), threads: 'Second<%' };

/** The threads of the first device, and of the second; they are there once it computes. */
export const threadsOfDevice = ['Thread<', 'Second<'] as const;

export interface SeveralDevices {
  /** Of the driver as it is, then `SwiftShader Second`; for VK_ICD_FILENAMES. */
  readonly different: string;
  /** Of the driver as it is, twice. */
  readonly alike: string;
  remove(): Promise<void>;
}

export async function severalDevices(): Promise<SeveralDevices> {
  const folder = await mkdtemp(path.join(tmpdir(), 'mim-vulkan-'));
  const driver = await readFile(path.join(SOFTWARE_VULKAN, 'libvk_swiftshader.so'));
  const copy = await driverOf(folder, 'copy', driver);
  const other = await driverOf(folder, 'other', asOther(driver));
  return { different: `${MANIFEST}:${other}`, alike: `${MANIFEST}:${copy}`, remove: () => rm(folder, { recursive: true, force: true }) };
}

/** @returns its manifest */
async function driverOf(folder: string, name: string, bytes: Uint8Array): Promise<string> {
  const manifest = path.join(folder, `${name}.json`);
  await writeFile(path.join(folder, `${name}.so`), bytes);
  await writeFile(manifest, JSON.stringify({ file_format_version: '1.0.0', ICD: { library_path: `./${name}.so`, api_version: '1.0.5' } }));
  return manifest;
}

function asOther(driver: Buffer): Buffer {
  const bytes = Buffer.from(driver);
  for (const key of ['name', 'numbers', 'threads'] as const) {
    if (!bytes.includes(OWN[key])) throw new Error(`This build of SwiftShader has no ${key} where they were.`);
    for (let at = bytes.indexOf(OWN[key]); at >= 0; at = bytes.indexOf(OWN[key], at)) at += Buffer.from(OTHER[key]).copy(bytes, at);
  }
  return bytes;
}

/** Names of this process's threads. */
export async function threadNames(): Promise<string[]> {
  const threads = await readdir('/proc/self/task');
  return Promise.all(threads.map((thread) => readFile(`/proc/self/task/${thread}/comm`, 'utf8').catch(() => '')));
}
