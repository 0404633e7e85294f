/** Takes the card that somebody wished for, for what this process computes by CUDA once its libraries are loaded. */
import type { DeviceWish } from '../../../core/config/device-wish';
import { deviceText } from './vulkan-device';
import { nvidiaCards } from '../gpu-devices';
import { chosenDevice } from './choose-device';

/** @returns what it is; undefined where nothing is wished for. @throws UserError MIM4013 */
export function takeCudaDevice(wish: DeviceWish | undefined, cards = nvidiaCards(), variables: NodeJS.ProcessEnv = process.env): string | undefined {
  if (wish === undefined) return undefined;
  const texts = cards.map(deviceText);
  // The driver's files may be hidden, as in WSL: CUDA itself refuses a number that it does not have.
  const number = typeof wish === 'number' && texts.length === 0 ? wish : chosenDevice(wish, texts);
  variables['CUDA_DEVICE_ORDER'] = 'PCI_BUS_ID';
  variables['CUDA_VISIBLE_DEVICES'] = String(number);
  return texts[number] ?? `CUDA ${number}`;
}
