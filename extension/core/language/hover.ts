/** What a key means, what follows from it here, and what came of it in earlier runs. */
import type { ResolvedExperiment, SweepConfig } from '../config/schema';
import type { LibraryRun } from '../library/library-run';
import { keyOf } from './complete';
import { derivedValues } from './derived';
import { describeNode } from './describe-key';
import { type KeyPlace, keyAt, keyPlaces } from './locate-key';
import { percent, resultsByRatio, sparkline } from './past-runs';
import { nodeAt } from './schema-at';
import type { OffsetRange } from './text-edit';

export interface HoverText extends OffsetRange {
  /** Markdown, in this order; each may be empty. */
  readonly schema: string;
  readonly derived: string;
  readonly past: string;
}

const MAX_ROWS = 12;

export interface Known {
  /** Absent while the experiment has errors: then only the schema speaks. */
  readonly resolved?: ResolvedExperiment;
  readonly sweep?: SweepConfig;
  readonly runs?: readonly LibraryRun[];
}

export function hoverAt(text: string, offset: number, { resolved, sweep, runs = [] }: Known = {}): HoverText | undefined {
  const place = keyAt(keyPlaces(text), offset);
  const node = place && nodeAt(place.path);
  const range = place && pointedAt(text, offset, place);
  if (!place || !node || !range) return undefined;
  const key = keyOf(place.path);
  const derived = resolved ? derivedValues(resolved, runs, sweep).filter(({ keys }) => keys.includes(place.path.join('.')) && !isSectionOf(key, keys)) : [];
  return {
    ...range,
    schema: `**\`${key}\`**\n\n${describeNode(node)}`,
    derived: derived.map(({ long }) => long).join('\n\n'),
    past: key === 'masking.ratio' && resolved ? pastByRatio(resolved, runs) : '',
  };
}

/** The name, or a value on one line; of a section over several lines nothing is pointed at between its keys. */
function pointedAt(text: string, offset: number, { key, value }: KeyPlace): OffsetRange | undefined {
  if (offset <= key.end) return key;
  return value && !text.slice(value.start, value.end).includes('\n') ? value : undefined;
}

/** A section carries what its keys derive only while they are not written; its hover need not. */
function isSectionOf(key: string, keys: readonly string[]): boolean {
  return keys.some((other) => other.startsWith(`${key}.`));
}

function pastByRatio(resolved: ResolvedExperiment, runs: readonly LibraryRun[]): string {
  const results = resultsByRatio(runs, resolved);
  if (results.length === 0) return '';
  const best = results.reduce((a, b) => (b.top1 > a.top1 ? b : a));
  const rows = results.slice(0, MAX_ROWS).map(({ ratio, top1, run, count }) => {
    const value = ratio === best.ratio ? `**${percent(top1)}**` : percent(top1);
    return `| ${ratio} | ${value} | ${markdownText(run.name)}${count > 1 ? ` (best of ${count})` : ''} |`;
  });
  return [`Earlier runs on these data ${sparkline(results.map(({ top1 }) => top1))}`, '', `| ratio | ${best.protocol} | run |`, '| --- | --- | --- |', ...rows].join('\n');
}

/** Names come from folders: nothing in them is Markdown. */
function markdownText(text: string): string {
  return text.replace(/[\\`*_{}[\]()#+!|<>~-]/g, '\\$&').replace(/\s+/g, ' ');
}
