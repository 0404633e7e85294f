/** One run in the list: whether it is selected, how it is drawn, how far it is. */
import type { RunRow } from '../../extension/core/protocol/dashboard';
import { formatNumber, formatShare } from '../charts/numbers';
import { markName, swatch } from '../charts/run-mark';
import { h, setText } from '../dom';

export interface RunActions {
  select(run: RunRow, selected: boolean): void;
  star(run: RunRow): void;
  baseline(run: RunRow): void;
  /** @param anchor beside which the colours are offered */
  recolor(run: RunRow, anchor: HTMLElement): void;
}

const STATE_SIGNS: Readonly<Record<RunRow['state'], string>> = { running: '▶', paused: '⏸', finished: '✓', stopped: '■', failed: '✗', lost: '?', external: '↗' };

export class RunListRow {
  readonly box = h('input', { type: 'checkbox', tabindex: -1 });
  private readonly color = h('button', { type: 'button', class: 'plain', tabindex: -1 });
  private readonly name = h('span', { class: 'run-name' });
  private readonly detail = h('span', { class: 'run-detail' });
  private readonly star = h('button', { type: 'button', class: 'plain star', tabindex: -1 });
  private readonly pin = h('button', { type: 'button', class: 'plain pin', tabindex: -1 }, 'B');
  readonly element = h('div', { role: 'row', class: 'run' },
    h('div', { role: 'gridcell' }, this.box), h('div', { role: 'gridcell' }, this.color),
    h('div', { role: 'rowheader', class: 'run-text' }, this.name, this.detail),
    h('div', { role: 'gridcell', class: 'run-mark' }, this.star), h('div', { role: 'gridcell', class: 'run-mark' }, this.pin));
  private drawn = '';

  constructor(private run: RunRow, actions: RunActions) {
    this.box.addEventListener('change', () => actions.select(this.run, this.box.checked));
    this.color.addEventListener('click', () => actions.recolor(this.run, this.color));
    this.star.addEventListener('click', () => actions.star(this.run));
    this.pin.addEventListener('click', () => actions.baseline(this.run));
    this.name.addEventListener('click', () => this.box.click());
  }

  render(run: RunRow, selected: boolean, isBaseline: boolean): void {
    this.box.checked = selected;
    const drawn = JSON.stringify([run, selected, isBaseline]);
    if (drawn === this.drawn) return;
    const recolored = this.drawn === '' || run.color !== this.run.color;
    this.drawn = drawn;
    this.run = run;
    this.element.setAttribute('aria-selected', String(selected));
    this.element.dataset['state'] = run.state;
    this.box.setAttribute('aria-label', `Show ${run.name}`);
    setText(this.name, shortName(run));
    this.element.title = [run.name, ...(run.problem === undefined ? [] : [run.problem]), ...run.tags.map((tag) => `#${tag}`), run.key].join('\n');
    setText(this.detail, detailOf(run));
    if (recolored) this.color.replaceChildren(swatch(run.color));
    label(this.color, `Colour of ${run.name}: ${markName(run.color)}`);
    toggle(this.star, run.starred, `Star ${run.name}`);
    setText(this.star, run.starred ? '★' : '☆');
    toggle(this.pin, isBaseline, `Baseline: ${run.name}`);
  }

  matches(words: readonly string[]): boolean {
    const { name, sweep, method, state, tags } = this.run;
    const text = [name, sweep, method, state, ...tags.map((tag) => `#${tag}`)].join(' ').toLowerCase();
    return words.every((word) => text.includes(word));
  }
}

/** Below its sweep's name, what tells a run from the sweep's others. */
function shortName({ name, sweep }: RunRow): string {
  return sweep !== undefined && name.startsWith(`${sweep}-`) ? name.slice(sweep.length + 1) : name;
}

function detailOf({ state, progress, step, loss, bestProbe, problem }: RunRow): string {
  if (problem !== undefined) return `${STATE_SIGNS[state]} ${state}: ${problem}`;
  const isLive = state === 'running' || state === 'paused';
  const where = isLive && progress !== undefined ? `${Math.floor(100 * progress)} %` : state !== 'finished' && step !== undefined && `step ${formatNumber(step)}`;
  return [`${STATE_SIGNS[state]} ${state}`, where, bestProbe !== undefined && `probe ${formatShare(bestProbe)}`, loss !== undefined && `loss ${formatNumber(loss)}`].filter(Boolean).join(' · ');
}

function label(element: HTMLElement, text: string): void {
  element.setAttribute('aria-label', text);
  element.title = text;
}

function toggle(element: HTMLElement, pressed: boolean, text: string): void {
  element.setAttribute('aria-pressed', String(pressed));
  label(element, text);
}
