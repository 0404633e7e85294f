/** The GPUs that the operating system shows, looked for without starting anything. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Device files of NVIDIA's driver, and of Windows' under WSL; those of other drivers are in /dev/dri. */
const GPU_FILE = /^(nvidia\d+|dxg)$/;
const RENDER_NODE = /^renderD\d+$/;

const VENDORS: Readonly<Record<string, string>> = { '0x10de': 'NVIDIA', '0x1002': 'AMD', '0x8086': 'Intel' };

function namesIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}

/** The first line of a file, or what stands behind `key:` in it; undefined where there is none. */
function read(file: string, key?: string): string | undefined {
  if (!existsSync(file)) return undefined;
  const lines = readFileSync(file, 'utf8').split('\n');
  const line = key === undefined ? lines[0] : lines.find((one) => one.startsWith(`${key}:`))?.slice(key.length + 1);
  return line?.trim() || undefined;
}

/** Whether there may be a GPU. Elsewhere than on Linux nothing tells, and most machines have one. @param root for tests */
export function likelyGpu(platform: NodeJS.Platform = process.platform, root = '/'): boolean {
  if (platform !== 'linux') return true;
  return namesIn(join(root, 'dev')).some((name) => GPU_FILE.test(name)) || namesIn(join(root, 'dev', 'dri')).some((name) => RENDER_NODE.test(name));
}

/** NVIDIA's cards by PCI address, as CUDA counts them with CUDA_DEVICE_ORDER=PCI_BUS_ID. @param root for tests */
export function nvidiaCards(root = '/'): { readonly name: string; readonly pci: string }[] {
  const folder = join(root, 'proc', 'driver', 'nvidia', 'gpus');
  return namesIn(folder).sort().map((pci) => ({ name: read(join(folder, pci, 'information'), 'Model') ?? 'NVIDIA', pci }));
}

/** What the drivers of Linux call the GPUs of this machine; empty where they are not known. @param root for tests */
export function gpuNames(root = '/'): string[] {
  const models = nvidiaCards(root).map(({ name }) => name);
  if (models.length > 0) return models;
  const drm = join(root, 'sys', 'class', 'drm');
  return namesIn(drm).filter((name) => RENDER_NODE.test(name)).flatMap((name) => {
    const vendor = read(join(drm, name, 'device', 'vendor'));
    const device = read(join(drm, name, 'device', 'device'));
    return vendor === undefined ? [] : [`${VENDORS[vendor] ?? vendor}${device === undefined ? '' : ` (PCI ${vendor.slice(2)}:${device.slice(2)})`}`];
  });
}
