/** The passes, in the order in which they run. */
import type { Pass } from './pass';

export const passes: readonly Pass[] = [];
