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
  // Where a run fell back, what it saves next is newer than checkpoints of later steps.
  const savedLast = checkpoints.reduce<CheckpointInfo | undefined>((last, info) => (last !== undefined && last.createdAt > info.createdAt ? last : info), undefined);
  let lastMultiple = 0;
  return checkpoints.filter((info, index) => {
    // Epochs are sums of fractions; a hair below a multiple is that multiple.
    const multiple = Math.floor(info.epoch / everyEpochs + 1e-9);
    const isMilestone = multiple > lastMultiple;
    lastMultiple = Math.max(lastMultiple, multiple);
    return !isMilestone && index < firstNewest && info !== savedLast;
  });
}
