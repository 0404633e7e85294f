/** What a run is and did, in Markdown. */
import { hidesPatches } from '../../core/config/method-traits';
import type { LibraryRun } from '../../core/library/library-run';
import { age, percent, rate, significant } from '../../core/text/format';
import { madeBy, progressOf, wholePercent } from './run-text';

/** @param now milliseconds since 1970 */
export function runTooltip(run: LibraryRun, now: number): string {
  const { marks, name, id } = run;
  const title = `**${plain(name)}**${name === id ? '' : ` (${plain(id)})`}${marks.starred ? ' ★' : ''}`;
  const troubles = [run.problem, run.status?.message].filter((text) => text !== undefined).map((text) => `$(warning) ${plain(text)}`);
  const facts = [...progressFacts(run, now), ...experimentFacts(run), ...probeFacts(run), ...tagFacts(run)].map(([key, value]) => `- ${key}: ${plain(value)}`);
  return [title, ...troubles, facts.join('\n'), `\`${run.key.replaceAll('`', '')}\``].filter((part) => part !== '').join('\n\n');
}

type Fact = readonly [string, string];

function progressFacts(run: LibraryRun, now: number): Fact[] {
  const { status, state, origin } = run;
  const facts: Fact[] = [['state', origin === 'mim' ? state : `made elsewhere (${madeBy(run)}), read only`]];
  if (run.last !== undefined) facts.push(['step', count(run.last.step)]);
  if (run.last?.loss !== undefined) facts.push(['loss', significant(run.last.loss)]);
  if (status === undefined) return facts;
  const progress = progressOf(run);
  const steps = status.totalSteps > 0 ? `${count(status.step)} of ${count(status.totalSteps)}` : count(status.step);
  facts.push(['step', `${steps}${progress === undefined ? '' : `, ${wholePercent(progress)}`}`]);
  if (typeof status.loss === 'number') facts.push(['loss', significant(status.loss)]);
  if (status.imagesPerSecond !== undefined) facts.push(['speed', `${rate(status.imagesPerSecond)} images/s`]);
  if (!Number.isNaN(Date.parse(status.startedAt))) facts.push(['started', `${age(now - Date.parse(status.startedAt))} ago on ${status.host}`]);
  if (status.unreadableImages !== undefined && status.unreadableImages > 0) facts.push(['unreadable images', count(status.unreadableImages)]);
  return facts;
}

function experimentFacts({ config, sweep }: LibraryRun): Fact[] {
  const facts: Fact[] = sweep === undefined ? [] : [['sweep', sweep]];
  if (config === undefined) return facts;
  facts.push(['method', config.method]);
  if (hidesPatches(config.method)) facts.push(['masking', `${config.masking.strategy}, ratio ${config.masking.ratio}`]);
  facts.push(['seed', String(config.seed)]);
  return facts;
}

/** The best of each protocol and subject. */
function probeFacts({ evaluations }: LibraryRun): Fact[] {
  const best = new Map<string, { readonly top1: number; readonly step: number }>();
  for (const { protocol, subject, top1, step } of evaluations) {
    const name = `${protocol}, ${subject}`;
    if (!(top1 <= (best.get(name)?.top1 ?? -1))) best.set(name, { top1, step });
  }
  return [...best].map(([name, { top1, step }]) => [name, `${percent(top1)} at step ${count(step)}`]);
}

function tagFacts({ marks }: LibraryRun): Fact[] {
  return marks.tags.length === 0 ? [] : [['tags', marks.tags.join(', ')]];
}

export function count(value: number): string {
  return value.toLocaleString('en');
}

/** A text of files and users, so that none of it is taken for Markdown or an icon. */
export function plain(text: string): string {
  return text.replace(/[\\`*_{}[\]()#+!|<>~$&-]/g, '\\$&').replace(/\s+/g, ' ');
}
