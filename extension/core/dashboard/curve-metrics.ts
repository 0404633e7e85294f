/** Names, order and groups of metrics for the chooser. */
import type { CurvesData } from '../protocol/dashboard';

export type MetricChoice = CurvesData['metrics'][number];

const LABELS: Readonly<Record<string, string>> = {
  loss: 'Loss',
  lr: 'Learning rate',
  grad_norm: 'Gradient norm',
  images_per_second: 'Images per second',
  accuracy: 'Training accuracy',
};
const GROUPS: readonly MetricChoice['group'][] = ['loss', 'levels', 'optimizer', 'speed', 'other'];

/** Grouped; within a group as recorded. */
export function metricChoices(names: Iterable<string>): MetricChoice[] {
  const choices = [...new Set(names)].map((name) => ({ name, label: labelOf(name), group: groupOf(name) }));
  return choices.sort((a, b) => GROUPS.indexOf(a.group) - GROUPS.indexOf(b.group) || levelOf(a.name) - levelOf(b.name));
}

/** What is shown where nothing was chosen. */
export function defaultMetrics(choices: readonly MetricChoice[]): string[] {
  return choices.filter(({ group }) => group !== 'other').map(({ name }) => name);
}

export function isLevel(name: string): boolean {
  return /^level_\d+$/.test(name);
}

function labelOf(name: string): string {
  const level = /^(level|cosine)_(\d+)$/.exec(name);
  if (level) return `${level[1] === 'level' ? 'Loss' : 'Cosine'} of level ${level[2]}`;
  return LABELS[name] ?? name.replaceAll('_', ' ');
}

function groupOf(name: string): MetricChoice['group'] {
  if (isLevel(name)) return 'levels';
  if (/(^|[_/])loss$/.test(name)) return 'loss';
  if (/^(lr|grad_norm)$|(^|[_/])lr$/.test(name)) return 'optimizer';
  return name === 'images_per_second' ? 'speed' : 'other';
}

function levelOf(name: string): number {
  return Number(/^(?:level|cosine)_(\d+)$/.exec(name)?.[1] ?? 0);
}
