/** More devices than one, in software: copies of SwiftShader's driver, whose name, number of the model and threads are written anew. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { SOFTWARE_VULKAN } from '../software-vulkan';

const MANIFEST = path.join(SOFTWARE_VULKAN, 'vk_swiftshader_icd.json');
const DRIVER = path.join(SOFTWARE_VULKAN, 'libvk_swiftshader.so');

/** What SwiftShader says of itself: its name, vendor and model (little-endian), the name of its threads. */
const OWN = { name: Buffer.from('SwiftShader Device'), numbers: Buffer.from('e01a0000dec00000', 'hex'), threads: Buffer.from('Thread<%') };
/** Of the same lengths. */
const OTHER = { name: Buffer.from('SwiftShader Second'), numbers: Buffer.from('e01a0000dfc00000', 'hex'), threads: Buffer.from('Second<%') };

/** How the names of their threads begin, which are there once a device computes: of the first, of the second. */
export const threadsOfDevice = ['Thread<', 'Second<'] as const;

export interface SeveralDevices {
  /** Of the driver as it is, then `SwiftShader Second`; for VK_ICD_FILENAMES. */
  readonly different: string;
  /** Of the driver as it is, twice. */
  readonly alike: string;
  remove(): Promise<void>;
}

export async function severalDevices(): Promise<SeveralDevices> {
  const { folder, remove } = await madeFolder();
  const driver = await readFile(DRIVER);
  await writeFile(path.join(folder, 'copy.so'), driver);
  await writeFile(path.join(folder, 'other.so'), rewritten(driver, OTHER));
  return { different: `${MANIFEST}:${await manifestOf(folder, 'other')}`, alike: `${MANIFEST}:${await manifestOf(folder, 'copy')}`, remove };
}

export interface Card {
  readonly pci: string;
  /** How the names of its threads begin. */
  readonly threads: string;
}

/**
 * Cards of one model that report PCI addresses, in the driver's order, which is not that of the addresses.
 * @returns undefined where there is no C compiler
 */
export async function cardsOfOneModel(): Promise<{ readonly cards: readonly Card[]; readonly manifests: string; remove(): Promise<void> } | undefined> {
  if (!(await promisify(execFile)('cc', ['--version']).then(() => true, () => false))) return undefined;
  const { folder, remove } = await madeFolder();
  const driver = await readFile(DRIVER);
  const cards: Card[] = [];
  const manifests: string[] = [];
  for (const bus of ['04', 'c1', '41']) {
    const real = path.join(folder, `real-${bus}.so`);
    await writeFile(real, rewritten(driver, { threads: Buffer.from(`Card${bus}<%`) }));
    await promisify(execFile)('cc', ['-shared', '-fPIC', `-DREAL="${real}"`, `-DBUS=0x${bus}`, path.join('test', 'gpu', 'pci-driver.c'), '-o', path.join(folder, `card-${bus}.so`), '-ldl']);
    cards.push({ pci: `0000:${bus}:00.0`, threads: `Card${bus}<` });
    manifests.push(await manifestOf(folder, `card-${bus}`));
  }
  return { cards, manifests: manifests.join(':'), remove };
}

async function madeFolder(): Promise<{ readonly folder: string; readonly remove: () => Promise<void> }> {
  const folder = await mkdtemp(path.join(tmpdir(), 'mim-vulkan-'));
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}

async function manifestOf(folder: string, name: string): Promise<string> {
  const manifest = path.join(folder, `${name}.json`);
  await writeFile(manifest, JSON.stringify({ file_format_version: '1.0.0', ICD: { library_path: `./${name}.so`, api_version: '1.1.0' } }));
  return manifest;
}

function rewritten(driver: Buffer, texts: Partial<typeof OWN>): Buffer {
  const bytes = Buffer.from(driver);
  for (const [key, text] of Object.entries(texts) as [keyof typeof OWN, Buffer][]) {
    if (!bytes.includes(OWN[key])) throw new Error(`This build of SwiftShader has no ${key} as they are known.`);
    for (let at = bytes.indexOf(OWN[key]); at >= 0; at = bytes.indexOf(OWN[key], at)) at += text.copy(bytes, at);
  }
  return bytes;
}
