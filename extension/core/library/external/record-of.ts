/** A row of another tool under the names used here, so that its curves lie on the same charts. */
import type { MetricRecord } from '../../runs/metrics-file';

const NAMES: Readonly<Record<string, string>> = {
  train_loss: 'loss', 'train/loss': 'loss', 'loss/train': 'loss', training_loss: 'loss',
  train_lr: 'lr', learning_rate: 'lr', 'train/lr': 'lr', 'train/learning_rate': 'lr',
  train_grad_norm: 'grad_norm', 'train/grad_norm': 'grad_norm', gradient_norm: 'grad_norm',
  global_step: 'step', iteration: 'step', iter: 'step', 'trainer/global_step': 'step', 'train/epoch': 'epoch',
};

export const nameHere = (name: string): string => NAMES[name.trim()] ?? name.trim();

/** @param index stands in for a step, or for the epoch, that is not written. */
export function recordOf(row: Readonly<Record<string, unknown>>, index: number): MetricRecord {
  const numbers = Object.entries(row).flatMap(([name, value]) => (typeof value === 'number' ? [[nameHere(name), value] as const] : value === null ? [[nameHere(name), Number.NaN] as const] : []));
  const record: Record<string, number> = Object.fromEntries(numbers);
  return { ...record, step: record.step ?? record.epoch ?? index } as MetricRecord;
}
