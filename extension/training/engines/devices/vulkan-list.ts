/** Asks Vulkan which devices there are, by its C interface (Vulkan 1.1; structures as in vulkan_core.h on 64-bit machines). */
import type koffi from 'koffi';
import type { LibraryHandle } from 'koffi';
import { KINDS, type VulkanDevice } from './vulkan-device';

const LOADER = 'libvulkan.so.1';
const PCI_EXTENSION = 'VK_EXT_pci_bus_info';
const DRIVER_EXTENSION = 'VK_KHR_driver_properties';

const VERSION_1_1 = (1 << 22) | (1 << 12);
const INSTANCE_CREATE_INFO = 1;
const PROPERTIES_2 = 1_000_059_001;
const PCI_BUS_INFO = 1_000_212_000;
const DRIVER_PROPERTIES = 1_000_196_000;

const HEADER_BYTES = 16;
/** VkPhysicalDeviceProperties and where its fields lie. */
const PROPERTIES_BYTES = 824;
const VENDOR_AT = 8;
const MODEL_AT = 12;
const KIND_AT = 16;
const NAME_AT = 20;
/** Of every name. */
const TEXT_BYTES = 256;
/** VkPhysicalDeviceDriverPropertiesKHR: after the header an identity, a name, and what the driver says of its version. */
const DRIVER_BYTES = 544;
const DRIVER_NAME_AT = 20;
/** VkPhysicalDeviceMemoryProperties: types of memory, then heaps of a size and flags. */
const MEMORY_BYTES = 520;
const HEAP_COUNT_AT = 260;
const HEAPS_AT = 264;
const HEAP_BYTES = 16;
const DEVICE_LOCAL = 1;
/** VkExtensionProperties: a name and a version. */
const EXTENSION_BYTES = 260;

type Koffi = typeof koffi;
/** Of Vulkan's calls, whose handles are addresses. */
type Call = (...values: readonly unknown[]) => number;

/**
 * Devices in the loader's order, under the environment as it is now.
 * @returns undefined where Vulkan has no loader, does not start, or cannot be asked
 */
export async function vulkanDevices(): Promise<VulkanDevice[] | undefined> {
  const native = await import('koffi').then(({ default: loaded }) => loaded, () => undefined);
  const library = native && opened(native);
  if (!library) return undefined;
  try {
    return listed(new Vulkan(native, library));
  } finally {
    library.unload();
  }
}

function listed(vulkan: Vulkan): VulkanDevice[] | undefined {
  const instance = vulkan.createInstance();
  if (instance === undefined) return undefined;
  try {
    return vulkan.physicalDevices(instance).map((device) => vulkan.describe(device));
  } finally {
    vulkan.destroyInstance(instance);
  }
}

function opened(native: Koffi): LibraryHandle | undefined {
  try {
    return native.load(LOADER);
  } catch {
    return undefined;
  }
}

class Vulkan {
  private readonly create: Call;
  private readonly destroy: Call;
  private readonly enumerate: Call;
  private readonly extensions: Call;
  private readonly properties: Call;
  private readonly memory: Call;

  constructor(private readonly native: Koffi, library: LibraryHandle) {
    this.create = library.func('int vkCreateInstance(void *info, void *allocator, void *instance)');
    this.destroy = library.func('void vkDestroyInstance(uint64_t instance, void *allocator)');
    this.enumerate = library.func('int vkEnumeratePhysicalDevices(uint64_t instance, void *count, void *devices)');
    this.extensions = library.func('int vkEnumerateDeviceExtensionProperties(uint64_t device, void *layer, void *count, void *properties)');
    this.properties = library.func('void vkGetPhysicalDeviceProperties2(uint64_t device, void *properties)');
    this.memory = library.func('void vkGetPhysicalDeviceMemoryProperties(uint64_t device, void *properties)');
  }

  /** @returns its handle; undefined where no driver takes part */
  createInstance(): bigint | undefined {
    const application = Buffer.alloc(48);
    application.writeUInt32LE(VERSION_1_1, 44);
    const info = Buffer.alloc(64);
    info.writeUInt32LE(INSTANCE_CREATE_INFO, 0);
    info.writeBigUInt64LE(this.address(application), 24);
    const handle = new BigUint64Array(1);
    return this.create(info, null, handle) === 0 ? handle[0] : undefined;
  }

  destroyInstance(instance: bigint): void {
    this.destroy(instance, null);
  }

  physicalDevices(instance: bigint): bigint[] {
    const count = new Uint32Array(1);
    this.enumerate(instance, count, null);
    const devices = new BigUint64Array(count[0]!);
    if (devices.length > 0) this.enumerate(instance, count, devices);
    return [...devices.subarray(0, count[0])];
  }

  describe(device: bigint): VulkanDevice {
    const extensions = this.extensionsOf(device);
    const pci = extensions.includes(PCI_EXTENSION) ? structure(PCI_BUS_INFO, 32) : undefined;
    const driver = extensions.includes(DRIVER_EXTENSION) ? structure(DRIVER_PROPERTIES, DRIVER_BYTES) : undefined;
    const properties = structure(PROPERTIES_2, HEADER_BYTES + PROPERTIES_BYTES);
    this.chain([properties, pci, driver].filter((one) => one !== undefined));
    this.properties(device, properties);
    const body = properties.subarray(HEADER_BYTES);
    return {
      name: text(body.subarray(NAME_AT, NAME_AT + TEXT_BYTES)),
      kind: KINDS[body.readUInt32LE(KIND_AT)] ?? 'other',
      vendor: body.readUInt32LE(VENDOR_AT),
      model: body.readUInt32LE(MODEL_AT),
      memory: this.memoryOf(device),
      ...(pci && { pci: pciAddress(pci) }),
      ...(driver && { driver: driverText(driver) }),
    };
  }

  /** A driver fills what it finds chained to the properties. */
  private chain(structures: readonly Buffer[]): void {
    structures.slice(1).forEach((next, i) => structures[i]!.writeBigUInt64LE(this.address(next), 8));
  }

  private extensionsOf(device: bigint): string[] {
    const count = new Uint32Array(1);
    this.extensions(device, null, count, null);
    const all = Buffer.alloc(EXTENSION_BYTES * count[0]!);
    this.extensions(device, null, count, all);
    return Array.from({ length: count[0]! }, (_, index) => text(all.subarray(EXTENSION_BYTES * index, EXTENSION_BYTES * index + TEXT_BYTES)));
  }

  private memoryOf(device: bigint): number {
    const bytes = Buffer.alloc(MEMORY_BYTES);
    this.memory(device, bytes);
    const heaps = Array.from({ length: bytes.readUInt32LE(HEAP_COUNT_AT) }, (_, index) => {
      const at = HEAPS_AT + HEAP_BYTES * index;
      return { size: Number(bytes.readBigUInt64LE(at)), own: (bytes.readUInt32LE(at + 8) & DEVICE_LOCAL) !== 0 };
    });
    return heaps.reduce((sum, { size, own }) => sum + (own ? size : 0), 0);
  }

  private address(bytes: Buffer): bigint {
    return BigInt(this.native.address(bytes));
  }
}

/** A structure that says of what type it is. */
function structure(type: number, bytes: number): Buffer {
  const made = Buffer.alloc(bytes);
  made.writeUInt32LE(type, 0);
  return made;
}

function driverText(bytes: Buffer): string {
  return [DRIVER_NAME_AT, DRIVER_NAME_AT + TEXT_BYTES].map((at) => text(bytes.subarray(at, at + TEXT_BYTES))).filter((part) => part !== '').join(' ');
}

/** VkPhysicalDevicePCIBusInfoPropertiesEXT: domain, bus, device and function after the header. */
function pciAddress(bytes: Buffer): string {
  const [domain, bus, device, fn] = [0, 4, 8, 12].map((offset) => bytes.readUInt32LE(HEADER_BYTES + offset));
  const hex = (value: number | undefined, digits: number): string => value!.toString(16).padStart(digits, '0');
  return `${hex(domain, 4)}:${hex(bus, 2)}:${hex(device, 2)}.${hex(fn, 1)}`;
}

function text(bytes: Buffer): string {
  return bytes.toString('utf8', 0, Math.max(0, bytes.indexOf(0)));
}
