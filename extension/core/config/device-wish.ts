/** Which GPU a job computes on, as far as somebody said. */

/** What the queue gave a job. `engine.device` of the experiment goes before it. */
export const DEVICE_VARIABLE = 'MIM_DEVICE';

/** A place in the list of `mim doctor`, or a part of a device's name. */
export type DeviceWish = number | string;

/** @returns undefined where nobody said: the first that the system gives */
export function wishedDevice(asked: DeviceWish | undefined, environment: Readonly<Record<string, string | undefined>> = process.env): DeviceWish | undefined {
  const wish = asked ?? (environment[DEVICE_VARIABLE] || undefined);
  return typeof wish === 'string' && /^\d+$/.test(wish) ? Number(wish) : wish;
}
