import { describe, expect, it } from 'vitest';
import { wishedDevice } from '../../../../extension/core/config/device-wish';
import { chosenDevice } from '../../../../extension/training/engines/devices/choose-device';
import { takeCudaDevice } from '../../../../extension/training/engines/devices/take-cuda';
import { takeDevice } from '../../../../extension/training/engines/devices/take-vulkan';
import { deviceDetail, deviceText, numbered, takenUnasked, type VulkanDevice } from '../../../../extension/training/engines/devices/vulkan-device';
import { selectionOf } from '../../../../extension/training/engines/devices/vulkan-selection';

const h100 = (pci: string): VulkanDevice => ({ name: 'NVIDIA H100 80GB HBM3', kind: 'discrete GPU', vendor: 0x10de, model: 0x2330, pci });
const arc: VulkanDevice = { name: 'Intel(R) Arc(tm) A770', kind: 'discrete GPU', vendor: 0x8086, model: 0x56a0, pci: '0000:03:00.0' };
const built: VulkanDevice = { name: 'Intel(R) UHD Graphics 770', kind: 'integrated GPU', vendor: 0x8086, model: 0x4680, pci: '0000:00:02.0' };
const llvmpipe: VulkanDevice = { name: 'llvmpipe (LLVM 15.0.6, 256 bits)', kind: 'software', vendor: 0x10005, model: 0 };

describe('wishedDevice', () => {
  it('is what the experiment says, else what the queue gave', () => {
    expect(wishedDevice(1, { MIM_DEVICE: '0' })).toBe(1);
    expect(wishedDevice('H100', { MIM_DEVICE: '0' })).toBe('H100');
    expect(wishedDevice(undefined, { MIM_DEVICE: '3' })).toBe(3);
    expect(wishedDevice(undefined, { MIM_DEVICE: 'Arc' })).toBe('Arc');
    expect(wishedDevice(undefined, { MIM_DEVICE: '' })).toBeUndefined();
    expect(wishedDevice(undefined, {})).toBeUndefined();
  });

  it('is a number where it is written as one', () => {
    expect(wishedDevice('12', {})).toBe(12);
  });
});

it('a device is told with its memory and driver, as far as they are known', () => {
  expect(deviceDetail({ ...h100('0000:04:00.0'), memory: 85_520_809_984, driver: 'NVIDIA 580.159.04' })).toBe('discrete GPU, 79.6 GiB, NVIDIA 580.159.04, PCI 0000:04:00.0');
  expect(deviceDetail(llvmpipe)).toBe('software');
});

describe('numbers of devices', () => {
  it('count NVIDIA’s cards by PCI address, then the others by kind', () => {
    expect(numbered([llvmpipe, built, h100('0000:c1:00.0'), arc, h100('0000:04:00.0')]).map(deviceText)).toEqual(['NVIDIA H100 80GB HBM3 (PCI 0000:04:00.0)', 'NVIDIA H100 80GB HBM3 (PCI 0000:c1:00.0)', 'Intel(R) Arc(tm) A770 (PCI 0000:03:00.0)', 'Intel(R) UHD Graphics 770 (PCI 0000:00:02.0)', 'llvmpipe (LLVM 15.0.6, 256 bits)']);
  });

  it('keep the order of drivers that report no address', () => {
    const [one, two] = [{ ...llvmpipe, name: 'one' }, { ...llvmpipe, name: 'two' }];
    expect(numbered([two, one])).toEqual([two, one]);
  });
});

describe('takenUnasked', () => {
  it('is the first of the fastest kind', () => {
    expect(takenUnasked([llvmpipe, built, h100('0000:c1:00.0'), h100('0000:04:00.0')])).toEqual(h100('0000:c1:00.0'));
    expect(takenUnasked([])).toBeUndefined();
  });

  it('is software rather than a virtual GPU, whose kind Dawn does not know', () => {
    const virtual: VulkanDevice = { name: 'Virtio-GPU Venus', kind: 'virtual GPU', vendor: 0x1af4, model: 0x1050 };
    expect(takenUnasked([virtual, llvmpipe])).toBe(llvmpipe);
    expect(numbered([llvmpipe, virtual])).toEqual([virtual, llvmpipe]);
  });
});

describe('selectionOf', () => {
  it('names the model where there is one of it, for the layer and for the loader', () => {
    expect(selectionOf(arc, [built, arc])).toEqual({ MESA_VK_DEVICE_SELECT: '8086:56a0', MESA_VK_DEVICE_SELECT_FORCE_DEFAULT_DEVICE: '1', VK_LOADER_DEVICE_SELECT: '0x8086:0x56a0' });
  });

  it('names the place where there are several of a model', () => {
    const cards = [h100('0000:04:00.0'), h100('0001:c1:0a.1')];
    expect(selectionOf(cards[1]!, cards)).toEqual({ DRI_PRIME: 'pci-0001_c1_0a_1', MESA_VK_DEVICE_SELECT_FORCE_DEFAULT_DEVICE: '1' });
  });

  it('is none where neither tells them apart', () => {
    expect(selectionOf(llvmpipe, [llvmpipe, { ...llvmpipe }])).toBeUndefined();
  });
});

describe('chosenDevice', () => {
  const texts = [h100('0000:04:00.0'), h100('0000:c1:00.0'), arc].map(deviceText);

  it('goes by number or by a part of the name, in capitals or not', () => {
    expect(chosenDevice(1, texts)).toBe(1);
    expect(chosenDevice('arc', texts)).toBe(2);
    expect(chosenDevice('c1:00', texts)).toBe(1);
  });

  it('lists what there is where nothing or too much is meant', () => {
    expect(() => chosenDevice(3, texts)).toThrow('There is no device 3. Here are 0: NVIDIA H100 80GB HBM3 (PCI 0000:04:00.0), 1: NVIDIA H100 80GB HBM3 (PCI 0000:c1:00.0), 2: Intel(R) Arc(tm) A770 (PCI 0000:03:00.0).');
    expect(() => chosenDevice('radeon', texts.slice(2))).toThrow('No device has "radeon" in its name. Here is 0: Intel');
    expect(() => chosenDevice('H100', texts)).toThrow('"H100" is in the names of 2 devices.');
    expect(() => chosenDevice(0, [])).toThrow('There is no device 0. The system lists none.');
  });
});

describe('takeCudaDevice', () => {
  const cards = [{ name: 'NVIDIA A100', pci: '0000:04:00.0' }, { name: 'NVIDIA T4', pci: '0000:05:00.0' }];

  it('shows CUDA one card, counted as the queue counts', () => {
    const variables: NodeJS.ProcessEnv = { CUDA_VISIBLE_DEVICES: '0' };
    expect(takeCudaDevice('T4', cards, variables)).toBe('NVIDIA T4 (PCI 0000:05:00.0)');
    expect(variables).toEqual({ CUDA_DEVICE_ORDER: 'PCI_BUS_ID', CUDA_VISIBLE_DEVICES: '1' });
  });

  it('leaves CUDA alone where nothing is wished for, and asks it where the driver lists nothing', () => {
    const variables: NodeJS.ProcessEnv = {};
    expect(takeCudaDevice(undefined, cards, variables)).toBeUndefined();
    expect(variables).toEqual({});
    expect(takeCudaDevice(1, [], variables)).toBe('CUDA 1');
    expect(variables['CUDA_VISIBLE_DEVICES']).toBe('1');
    expect(() => takeCudaDevice(2, cards, {})).toThrow('There is no device 2.');
  });
});

describe('takeDevice where Vulkan is not the system’s', () => {
  it('hands a name on to Dawn, and knows no number but the first', async () => {
    expect(await takeDevice('M2', 'name', 'darwin')).toEqual({ text: 'M2', adapter: 'M2' });
    expect(await takeDevice(0, 'name', 'darwin')).toBeUndefined();
    expect(await takeDevice(undefined, 'environment', 'win32')).toBeUndefined();
    await expect(takeDevice(1, 'name', 'darwin')).rejects.toMatchObject({ code: 'MIM4014' });
    await expect(takeDevice('M2', 'environment', 'darwin')).rejects.toMatchObject({ code: 'MIM4014', message: expect.stringContaining('ONNX Runtime') as string });
  });
});
