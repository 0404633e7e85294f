/** Whether the differences from the baseline are more than the seeds make by themselves. */
import type { CompareData, SeedGroup } from '../../../extension/core/protocol/dashboard';
import { formatPoints, formatShare } from '../../charts/numbers';
import { h, setText } from '../../dom';
import { scalarText } from './sweep-data';

export class NoiseTable {
  private readonly title = h('h2', {});
  private readonly table = h('table', {});
  readonly element = h('section', { hidden: true }, this.title,
    h('p', { class: 'note' }, 'Runs that differ in nothing but their seed are taken together. Within noise: the 95 % interval of the difference of means holds 0.'),
    h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Against the baseline, over seeds' }, this.table));

  draw(noise: CompareData['noise'], baseline: string | undefined): void {
    this.element.hidden = noise === undefined;
    if (!noise) return;
    const { protocol, keys, groups } = noise;
    setText(this.title, `Probe ${protocol} against ${baseline ?? 'the baseline'}, over seeds`);
    const own = groups.find(({ verdict }) => verdict === 'baseline');
    const head = ['Differs from the baseline in', 'Seeds', 'Mean', 'Difference', '95 % interval', 'Verdict'];
    this.table.replaceChildren(
      h('thead', {}, h('tr', {}, ...head.map((name) => h('th', { scope: 'col' }, name)))),
      h('tbody', {}, ...groups.map((group) => h('tr', { class: group.verdict === 'baseline' ? 'baseline' : undefined },
        ...cellsOf(group, apartFrom(group, own, keys)).map((cell, i) => (i === 0 ? h('th', { scope: 'row' }, h('span', { class: 'cell-text', title: cell }, cell)) : h('td', {}, cell)))))));
  }
}

/** The keys, with their values, in which a group is not as the baseline. */
function apartFrom({ values }: SeedGroup, own: SeedGroup | undefined, keys: readonly string[]): string {
  const apart = keys.flatMap((key, i) => (values[i] === own?.values[i] ? [] : [`${key} ${scalarText(values[i])}`]));
  return apart.join(', ') || '–';
}

function cellsOf({ runs, mean, difference, interval, verdict }: SeedGroup, apart: string): string[] {
  return [apart, String(runs.length), formatShare(mean), formatPoints(difference), interval ? interval.map(formatPoints).join(' to ') : '–', verdict];
}
