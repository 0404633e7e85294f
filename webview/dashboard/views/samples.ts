/** Pictures the runs made along their training, side by side at the same step. */
import type { DashboardState, RunKey, SamplesData, ViewData } from '../../../extension/core/protocol/dashboard';
import { formatNumber } from '../../charts/numbers';
import { swatch } from '../../charts/run-mark';
import { dropdown, slider } from '../../controls/controls';
import { h, setText } from '../../dom';
import type { Dashboard, View } from '../view';

const EVERY = 'all';
/** Least width of a picture, in pixels. */
const SIZES = { min: 120, max: 960, step: 40, usual: 320 } as const;

export function samplesView(container: HTMLElement, dashboard: Dashboard): View {
  return new Samples(container, dashboard);
}

class Samples implements View {
  private readonly kind = dropdown('Pictures', [], EVERY, (kind) => this.change({ kind: kind === EVERY ? undefined : kind }));
  private readonly step = slider('Step', { min: 0, max: 0, step: 1 }, 0, (place) => this.toPlace(place));
  private readonly size = slider('Size', SIZES, SIZES.usual, (size) => this.change({ size }));
  private readonly bar = h('div', { class: 'bar' }, this.kind.element, this.step.element, this.size.element);
  private readonly note = h('p', { class: 'note', role: 'status' });
  private readonly pictures = h('div', {});
  private data: SamplesData | undefined;
  private drawn = '';

  constructor(container: HTMLElement, private readonly dashboard: Dashboard) {
    container.append(this.bar, this.note, this.pictures);
  }

  render(data: ViewData | undefined): void {
    if (data?.view === 'samples') this.data = data;
    setText(this.note, noteOn(this.dashboard.state.selected.length, this.data));
    this.bar.hidden = !this.data || this.data.pictures.length === 0;
    if (!this.data) return;
    const { kinds, steps, step, pictures } = this.data;
    this.kind.setChoices([{ value: EVERY, label: 'all' }, ...kinds.map((value) => ({ value, label: value }))], this.dashboard.state.samples.kind ?? EVERY);
    const place = step === undefined ? 0 : Math.max(0, steps.findLastIndex((one) => one <= step));
    this.step.setRange({ min: 0, max: Math.max(0, steps.length - 1), step: 1, format: (at) => formatNumber(steps[at]) }, place);
    const { size = SIZES.usual } = this.dashboard.state.samples;
    this.size.set(size);
    this.pictures.style.setProperty('--picture-size', `${size}px`);
    const drawn = JSON.stringify([pictures, pictures.map(({ run }) => [this.dashboard.run(run).name, this.dashboard.run(run).color])]);
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    // A kind after the other, so that runs stand beside each other.
    this.pictures.replaceChildren(...kinds.flatMap((kind) => {
      const figures = pictures.filter((picture) => picture.kind === kind).map((picture) => this.figure(picture));
      return figures.length === 0 ? [] : [h('h2', { class: 'picture-kind' }, kind), h('div', { class: 'pictures' }, ...figures)];
    }));
  }

  destroy(): void {
    this.data = undefined;
  }

  private figure({ run, kind, step, uri }: SamplesData['pictures'][number]): HTMLElement {
    const { name, color } = this.dashboard.run(run);
    const open = h('button', { type: 'button', class: 'plain run-link', title: 'Open the config' }, swatch(color), name);
    open.addEventListener('click', () => this.open(run));
    return h('figure', { class: 'picture' }, h('figcaption', {}, open, h('span', { class: 'faint' }, `step ${formatNumber(step)}`)), h('img', { src: uri, alt: `${kind} of ${name} at step ${step}` }));
  }

  /** At the last place the view follows the training. */
  private toPlace(place: number): void {
    const steps = this.data?.steps ?? [];
    this.change({ step: place === steps.length - 1 ? undefined : steps[place] });
  }

  private change(part: Partial<DashboardState['samples']>): void {
    this.dashboard.change({ samples: { ...this.dashboard.state.samples, ...part } });
  }

  private open(run: RunKey): void {
    this.dashboard.send({ type: 'open-config', run });
  }
}

function noteOn(runs: number, data: SamplesData | undefined): string {
  if (runs === 0) return 'Select runs in the list to see their pictures.';
  if (!data) return 'Looking for pictures…';
  return data.pictures.length === 0 ? 'The selected runs have made no pictures. A `samples` section in the config makes them along a run; MIM: Preview Masks shows the masks before one.' : '';
}
