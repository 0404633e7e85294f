/** How many threads a setting of 0 means. */
import { availableParallelism } from 'node:os';

/** What a scheduler granted may be less than the machine has, and it need not be enforced. */
export const THREADS_VARIABLE = 'MIM_THREADS';

/** `MIM_THREADS` where it is a number above 0, otherwise every core this process may use. */
export function usableThreads(environment: Readonly<Record<string, string | undefined>> = process.env): number {
  const granted = Number(environment[THREADS_VARIABLE]);
  return Number.isInteger(granted) && granted > 0 ? granted : availableParallelism();
}
