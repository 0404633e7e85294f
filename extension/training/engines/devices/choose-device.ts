/** A number or a part of a name → a device of a list. */
import type { DeviceWish } from '../../../core/config/device-wish';
import { UserError } from '../../../core/problems';

export const NO_SUCH_DEVICE = 'MIM4013';
export const NOT_SELECTABLE = 'MIM4014';

/**
 * @param texts what people are shown of the devices, by number
 * @returns the number
 * @throws UserError MIM4013 where none is meant, or several are
 */
export function chosenDevice(wish: DeviceWish, texts: readonly string[]): number {
  const meant = typeof wish === 'number' ? texts.flatMap((_, number) => (number === wish ? [number] : [])) : texts.flatMap((text, number) => (text.toLowerCase().includes(wish.toLowerCase()) ? [number] : []));
  if (meant.length === 1) return meant[0]!;
  const what = typeof wish === 'number' ? `There is no device ${wish}` : meant.length === 0 ? `No device has "${wish}" in its name` : `"${wish}" is in the names of ${meant.length} devices`;
  throw new UserError(NO_SUCH_DEVICE, `${what}. ${listInWords(texts)}`, 'Give `engine.device`, or MIM_DEVICE, a number of that list, as `mim doctor` prints it, or a part of a name that is in one alone.');
}

/** `Here are 0: NVIDIA …, 1: …` */
function listInWords(texts: readonly string[]): string {
  return texts.length === 0 ? 'The system lists none.' : `Here ${texts.length === 1 ? 'is' : 'are'} ${texts.map((text, number) => `${number}: ${text}`).join(', ')}.`;
}

/** Whether trying another way of computing would not help. */
export function isDeviceFault(error: unknown): error is UserError {
  return error instanceof UserError && (error.code === NO_SUCH_DEVICE || error.code === NOT_SELECTABLE);
}
