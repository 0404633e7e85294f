/** The GPUs as Vulkan lists them, the order in which people number them, and the one that a runtime takes of its own accord. */

export const KINDS = ['other', 'integrated GPU', 'discrete GPU', 'virtual GPU', 'software'] as const;

export interface VulkanDevice {
  readonly name: string;
  /** By VkPhysicalDeviceType, which counts so. */
  readonly kind: (typeof KINDS)[number];
  /** Numbers of PCI, which all cards of a model share. */
  readonly vendor: number;
  readonly model: number;
  /** `0000:04:00.0`; absent where the driver does not report it. */
  readonly pci?: string;
  /** Bytes of its own memory; of a device that has none, of what it shares with the processor. */
  readonly memory?: number;
  /** As it calls itself, with its version: `NVIDIA 580.159.04`. */
  readonly driver?: string;
}

const NVIDIA = 0x10de;

type Order = Readonly<Record<VulkanDevice['kind'], number>>;

/** The fast kinds first. */
const BY_SPEED: Order = { 'discrete GPU': 0, 'integrated GPU': 1, 'virtual GPU': 2, other: 2, software: 3 };
/** How Dawn orders adapters when it is asked for performance: what it has no name for comes last. */
const BY_DAWN: Order = { 'discrete GPU': 0, 'integrated GPU': 1, software: 2, 'virtual GPU': 3, other: 3 };

/**
 * Devices by their numbers. Cards of NVIDIA come first, by PCI address, for so they are counted by CUDA (CUDA_DEVICE_ORDER=PCI_BUS_ID),
 * by their driver's files and therefore by the queue; then the others, the fast kinds first.
 */
export function numbered(enumerated: readonly VulkanDevice[]): VulkanDevice[] {
  const key = (device: VulkanDevice): readonly (number | string)[] => [device.vendor === NVIDIA ? 0 : 1, BY_SPEED[device.kind], device.pci ?? '~'];
  return [...enumerated].sort((a, b) => compare(key(a), key(b)));
}

function compare(a: readonly (number | string)[], b: readonly (number | string)[]): number {
  const place = a.findIndex((value, index) => value !== b[index]);
  return place < 0 ? 0 : a[place]! < b[place]! ? -1 : 1;
}

/** The one that WebGPU takes where it is not told: Dawn orders by kind, and keeps the driver's order among equals. */
export function takenUnasked(enumerated: readonly VulkanDevice[]): VulkanDevice | undefined {
  return [...enumerated].sort((a, b) => BY_DAWN[a.kind] - BY_DAWN[b.kind])[0];
}

/** What beside the name is worth to be known: `discrete GPU, 79.6 GiB, NVIDIA 580.159.04, PCI 0000:04:00.0`. */
export function deviceDetail({ kind, memory, driver, pci }: VulkanDevice): string {
  return [kind, memory && `${(memory / 2 ** 30).toFixed(1)} GiB`, driver, pci && `PCI ${pci}`].filter(Boolean).join(', ');
}

/** `NVIDIA H100 80GB HBM3 (PCI 0000:04:00.0)` */
export function deviceText({ name, pci }: Pick<VulkanDevice, 'name' | 'pci'>): string {
  return pci === undefined ? name : `${name} (PCI ${pci})`;
}

/** Of a text of deviceText, what all cards of a model share. */
export function withoutAddress(text: string): string {
  return text.replace(/ \(PCI [^)]*\)$/, '');
}
