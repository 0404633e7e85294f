/**
 * How every program of a process is made to find one device first. No runtime here takes a device by its number, and ONNX Runtime takes
 * none by its name: but the loader of Vulkan and Mesa's layer VK_LAYER_MESA_device_select, which works over the drivers of all vendors,
 * are told by the environment, whenever an instance is made.
 */
import type { VulkanDevice } from './vulkan-device';

const VARIABLES = ['MESA_VK_DEVICE_SELECT', 'MESA_VK_DEVICE_SELECT_FORCE_DEFAULT_DEVICE', 'DRI_PRIME', 'VK_LOADER_DEVICE_SELECT'] as const;

/** What those variables are to be; one that is absent is not to be set. */
export type VulkanSelection = Readonly<Partial<Record<(typeof VARIABLES)[number], string>>>;

/** Nothing is selected: all devices in the loader's order. */
export const NO_SELECTION: VulkanSelection = {};

/** Only Mesa's layer. */
const ALONE = { MESA_VK_DEVICE_SELECT_FORCE_DEFAULT_DEVICE: '1' } as const;

/** @returns undefined where nothing that can be said is true of this device alone */
export function selectionOf(wanted: VulkanDevice, devices: readonly VulkanDevice[]): VulkanSelection | undefined {
  const { vendor, model, pci } = wanted;
  const isAlone = devices.filter((one) => one.vendor === vendor && one.model === model).length === 1;
  if (isAlone) return { ...ALONE, MESA_VK_DEVICE_SELECT: `${vendor.toString(16)}:${model.toString(16)}`, VK_LOADER_DEVICE_SELECT: `0x${vendor.toString(16)}:0x${model.toString(16)}` };
  return pci === undefined ? undefined : { ...ALONE, DRI_PRIME: `pci-${pci.replaceAll(/[:.]/g, '_')}` };
}

/** For this process and those that it starts. */
export function select(selection: VulkanSelection): void {
  for (const variable of VARIABLES) {
    const value = selection[variable];
    if (value === undefined) delete process.env[variable];
    else process.env[variable] = value;
  }
}

/** As the environment is. */
export function selectionNow(): VulkanSelection {
  return Object.fromEntries(VARIABLES.flatMap((variable) => (process.env[variable] === undefined ? [] : [[variable, process.env[variable]]]))) as VulkanSelection;
}
