/** Which checkpoints may go. */
import type { CheckpointInfo } from '../checkpoints/checkpoint-folder';

export interface KeepPolicy {
  /** The newest so many always stay. */
  readonly newest: number;
  /** Beside them, the first at or past every multiple of this many epochs stays. */
  readonly everyEpochs: number;
}

/** @param checkpoints by step. */
export function prunable(checkpoints: readonly CheckpointInfo[], { newest, everyEpochs }: KeepPolicy): CheckpointInfo[] {
  const firstNewest = checkpoints.length - newest;
  let lastMultiple = 0;
  return checkpoints.filter(({ epoch }, index) => {
    // Epochs are sums of fractions; a hair below a multiple is that multiple.
    const multiple = Math.floor(epoch / everyEpochs + 1e-9);
    const isMilestone = multiple > lastMultiple;
    lastMultiple = Math.max(lastMultiple, multiple);
    return !isMilestone && index < firstNewest;
  });
}
