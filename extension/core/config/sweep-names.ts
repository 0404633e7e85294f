/** What the runs of a sweep are called, no two alike. */
import type { Experiment } from './schema';
import type { Settings } from './sweep-combinations';
import { valueOf } from './sweep-conditions';

/** Of a run’s name, what leaves room for what sets equal ones apart. */
const MAX_LENGTH = 94;
const PLACEHOLDER = /\{([^{}]*)\}/g;

/** @param template `cell_name` of the sweep; without it, the sweep's name and every key */
export function cellNames(sweep: string, cells: readonly Settings[], experiment: Experiment, template: string | undefined): string[] {
  const names = template === undefined ? defaultNames(sweep, cells) : cells.map((settings) => filled(template, sweep, settings, experiment));
  return unique(names.map(asRunName));
}

/** The keys that a template names. */
export function placeholdersOf(template: string): string[] {
  return [...template.matchAll(PLACEHOLDER)].map((match) => match[1]!);
}

function filled(template: string, sweep: string, settings: Settings, experiment: Experiment): string {
  return template.replaceAll(PLACEHOLDER, (_match, key: string) => (key === 'name' ? sweep : String(valueOf(key, settings, experiment) ?? '')));
}

/** `study-ratio-0.5-seed-1`: the last part of each key, or all of it where two keys end alike. */
function defaultNames(sweep: string, cells: readonly Settings[]): string[] {
  const keys = [...new Set(cells.flatMap((settings) => Object.keys(settings)))];
  const end = (key: string): string => key.split('.').at(-1)!;
  const label = (key: string): string => (keys.filter((other) => end(other) === end(key)).length > 1 ? key.replaceAll('.', '-') : end(key));
  return cells.map((settings) => [sweep, ...Object.entries(settings).map(([key, { value }]) => `${label(key)}-${String(value)}`)].join('-'));
}

function asRunName(name: string): string {
  return name.replace(/[^\w.-]+/g, '-').replace(/^\.+/, '').slice(0, MAX_LENGTH) || 'cell';
}

function unique(names: readonly string[]): string[] {
  const taken = new Set<string>();
  return names.map((name, index) => {
    let own = name;
    for (let number = index + 1; taken.has(own) || (own !== name && names.includes(own)); number++) own = `${name}-c${number}`;
    taken.add(own);
    return own;
  });
}
