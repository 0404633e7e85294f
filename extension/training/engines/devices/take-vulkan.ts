/** Takes the device that somebody wished for, for all that this process computes by WebGPU from then on. */
import type { DeviceWish } from '../../../core/config/device-wish';
import { UserError } from '../../../core/problems';
import { noGpu } from '../gpu-errors';
import { chosenDevice, NOT_SELECTABLE } from './choose-device';
import { deviceText, numbered, takenUnasked, type VulkanDevice } from './vulkan-device';
import { vulkanDevices } from './vulkan-list';
import { NO_SELECTION, select, selectionNow, selectionOf, type VulkanSelection } from './vulkan-selection';

/** `name`: of Dawn, which can be given one. `environment`: of ONNX Runtime, which takes what Vulkan has first. */
export type ToldBy = 'name' | 'environment';

export interface TakenDevice {
  /** For people and environment.json. */
  readonly text: string;
  /** For Dawn: the device's name, which it alone has, or a part that was given where nothing could be listed. Absent: the first one. */
  readonly adapter?: string;
}

/**
 * @returns undefined where nothing is wished for
 * @throws UserError MIM4007 where Vulkan has no devices, MIM4013 where it has no such, MIM4014 where the runtime cannot be given this one
 */
export async function takeDevice(wish: DeviceWish | undefined, by: ToldBy, platform: NodeJS.Platform = process.platform): Promise<TakenDevice | undefined> {
  if (wish === undefined) return undefined;
  if (platform !== 'linux') return unlisted(wish, by, platform);
  const before = selectionNow();
  try {
    return await take(wish, by);
  } catch (error) {
    select(before);
    throw error;
  }
}

/** Leaves the environment so that the device is found. */
async function take(wish: DeviceWish, by: ToldBy): Promise<TakenDevice> {
  const devices = await listed(NO_SELECTION);
  const list = numbered(devices);
  const wanted = list[chosenDevice(wish, list.map(deviceText))]!;
  const isOnlyOfName = devices.filter(({ name }) => name.includes(wanted.name)).length === 1;
  const taken = { text: deviceText(wanted), ...(isOnlyOfName && { adapter: wanted.name }) };
  if (await placedFirst(wanted, devices)) return taken;
  // What did not put it first may hide it.
  select(NO_SELECTION);
  if (by === 'name' && isOnlyOfName) return taken;
  throw new UserError(NOT_SELECTABLE, `${taken.text} is there, but ${by === 'name' ? 'WebGPU' : 'ONNX Runtime'} cannot be given it: ${whyNot(wanted, devices)}.`, REMEDY);
}

/** What WebGPU computes on here where nothing is wished for; undefined where that cannot be asked. */
export async function deviceAtWork(platform: NodeJS.Platform = process.platform): Promise<string | undefined> {
  const first = platform === 'linux' ? takenUnasked((await vulkanDevices()) ?? []) : undefined;
  return first && deviceText(first);
}

/** All devices by their numbers, whatever is selected; empty where they cannot be listed. */
export async function devicesHere(platform: NodeJS.Platform = process.platform): Promise<VulkanDevice[]> {
  if (platform !== 'linux') return [];
  const before = selectionNow();
  try {
    select(NO_SELECTION);
    return numbered((await vulkanDevices()) ?? []);
  } finally {
    select(before);
  }
}

const REMEDY =
  'Install Mesa’s layer VK_LAYER_MESA_device_select (Debian: `apt-get install mesa-vulkan-drivers`, in Debian 12 from its backports: Mesa 22.3 takes the wrong one of two cards of a model). Or show the process that card alone: by a container (`--gpus device=1`), or by Slurm’s `gres` with ConstrainDevices.';

/** Leaves `selection` in the environment. @throws UserError MIM4007 */
async function listed(selection: VulkanSelection): Promise<VulkanDevice[]> {
  select(selection);
  const devices = await vulkanDevices();
  if (devices === undefined || devices.length === 0) throw noGpu('no adapter');
  return devices;
}

/** Whether the environment now has it first: by nothing, else by what can be said of it, which is looked at. */
async function placedFirst(wanted: VulkanDevice, devices: readonly VulkanDevice[]): Promise<boolean> {
  if (takenUnasked(devices) === wanted) return true;
  const selection = selectionOf(wanted, devices);
  if (selection === undefined) return false;
  const first = takenUnasked(await listed(selection));
  return first !== undefined && first.pci === wanted.pci && first.vendor === wanted.vendor && first.model === wanted.model;
}

function whyNot(wanted: VulkanDevice, devices: readonly VulkanDevice[]): string {
  const selection = selectionOf(wanted, devices);
  if (selection === undefined) return 'another device is of the same model, and its driver reports no PCI address';
  return selection.DRI_PRIME === undefined ? 'neither the loader of Vulkan nor a layer puts it first' : 'another device is of the same model, and no layer of Vulkan tells them apart';
}

/** Where there is no list of Vulkan. @throws UserError MIM4014 */
function unlisted(wish: DeviceWish, by: ToldBy, platform: NodeJS.Platform): TakenDevice | undefined {
  if (wish === 0) return undefined;
  if (by === 'name' && typeof wish === 'string') return { text: wish, adapter: wish };
  throw new UserError(NOT_SELECTABLE, `On ${platform} ${by === 'name' ? 'devices have no numbers but 0, the one that the system gives' : 'ONNX Runtime takes the GPU that the system gives'}.`, by === 'name' ? 'Give `engine.device` a part of the device’s name, or leave it out.' : 'Leave `engine.device` out, or use `engine: wgsl` and a part of the device’s name.');
}
