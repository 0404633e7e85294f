/** Names, order and groups of metrics for the chooser. */
import type { CurvesData } from '../protocol/dashboard';

export type MetricChoice = CurvesData['metrics'][number];

const LABELS: Readonly<Record<string, string>> = {
  loss: 'Loss',
  lr: 'Learning rate',
  grad_norm: 'Gradient norm',
  loss_scale: 'Loss scale',
  skipped_steps: 'Skipped steps',
  images_per_second: 'Images per second',
  accuracy: 'Training accuracy',
};
const GROUPS: readonly MetricChoice['group'][] = ['loss', 'levels', 'blocks', 'optimizer', 'speed', 'other'];

const AFTER_BLOCKS = 1_000_000;

/** Grouped; within a group as recorded. */
export function metricChoices(names: Iterable<string>): MetricChoice[] {
  const choices = [...new Set(names)].map((name) => ({ name, label: labelOf(name), group: groupOf(name) }));
  return choices.sort((a, b) => GROUPS.indexOf(a.group) - GROUPS.indexOf(b.group) || levelOf(a.name) - levelOf(b.name));
}

/** What is shown where nothing was chosen. */
export function defaultMetrics(choices: readonly MetricChoice[]): string[] {
  return choices.filter(({ group }) => group !== 'other' && group !== 'blocks').map(({ name }) => name);
}

export function isLevel(name: string): boolean {
  return /^level_\d+$/.test(name);
}

/** Which list of gradients or updates a metric is an entry of, and of which part of the model. */
export function blockOf(name: string): { readonly list: 'block_grad_norm' | 'block_update_ratio'; readonly part: string } | undefined {
  const [, list, part] = /^(block_grad_norm|block_update_ratio)_(embedding|heads|\d+)$/.exec(name) ?? [];
  return part === undefined ? undefined : { list: list as 'block_grad_norm' | 'block_update_ratio', part };
}

function labelOf(name: string): string {
  const level = /^(level|cosine)_(\d+)$/.exec(name);
  if (level) return `${level[1] === 'level' ? 'Loss' : 'Cosine'} of level ${level[2]}`;
  const block = blockOf(name);
  if (block) return `${block.list === 'block_grad_norm' ? 'Gradient norm' : 'Update ratio'} of ${/\d/.test(block.part) ? `block ${block.part}` : block.part}`;
  return LABELS[name] ?? name.replaceAll('_', ' ');
}

function groupOf(name: string): MetricChoice['group'] {
  if (isLevel(name)) return 'levels';
  if (blockOf(name)) return 'blocks';
  if (/(^|[_/])loss$/.test(name)) return 'loss';
  if (/^(lr|grad_norm|loss_scale|skipped_steps)$|(^|[_/])lr$/.test(name)) return 'optimizer';
  return name === 'images_per_second' ? 'speed' : 'other';
}

function levelOf(name: string): number {
  const part = blockOf(name)?.part;
  if (part !== undefined) return part === 'embedding' ? 0 : part === 'heads' ? AFTER_BLOCKS : Number(part);
  return Number(/^(?:level|cosine)_(\d+)$/.exec(name)?.[1] ?? 0);
}
