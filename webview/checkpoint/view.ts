/** The page of the checkpoint editor: what is shown, and what is asked of the host to show it. */
import type { CheckpointState, FromCheckpoint, TensorChange, TensorDetail, TensorRow, ToCheckpoint } from '../../extension/core/protocol/checkpoint';
import { h, setText } from '../dom';
import type { Host } from '../host';
import { DetailPane } from './detail-pane';
import { Grid } from './grid';
import { Overview, shortPath, type Header } from './overview';
import { countText } from './sizes';
import { CHANGE_COLUMNS, changeRows, changeSummary, readKey, tensorKey, TREE_COLUMNS, treeRow } from './tensor-rows';
import { Toolbar } from './toolbar';
import { allGroups, matching, treeOf, visibleRows, type Group } from './tree';

export type CheckpointHost = Host<ToCheckpoint, FromCheckpoint, CheckpointState>;

/** Milliseconds that a row is pointed at before its values are read: walking over rows reads nothing. */
const PAUSE = 120;
const FEW_TENSORS = 40;

interface Comparison {
  readonly other: string;
  readonly changes: readonly TensorChange[];
  readonly done: boolean;
}

export class CheckpointView {
  private readonly overview = new Overview();
  private readonly pane = new DetailPane();
  private readonly alert = h('p', { class: 'problem', role: 'alert', hidden: true });
  private readonly status = h('p', { class: 'faint', role: 'status' });
  private readonly toolbar: Toolbar;
  private readonly tree = new Grid({ label: 'Tensors', role: 'treegrid', columns: TREE_COLUMNS, onSelect: (key) => this.select(key), onToggle: (key, open) => this.toggle(key, open) });
  private readonly table = new Grid({ label: 'Changes', role: 'grid', columns: CHANGE_COLUMNS, onSelect: (key) => this.select(key) });
  private readonly content = h('main', { hidden: true });

  private state: CheckpointState;
  private tensors: ReadonlyMap<string, TensorRow> = new Map();
  private readonly details = new Map<string, TensorDetail>();
  private readonly problems = new Map<string, string>();
  private grown: { readonly tensors: ReadonlyMap<string, TensorRow>; readonly filter: string; readonly root: Group } | undefined;
  private comparison: Comparison | undefined;
  private pointed: string | undefined;
  private isScanning = false;
  private timer: number | undefined;
  private frame = 0;

  constructor(root: HTMLElement, private readonly host: CheckpointHost) {
    this.state = host.getState() ?? { expanded: [], filter: '' };
    this.toolbar = new Toolbar(this.state.filter, {
      filter: (filter) => this.change({ filter }),
      scan: () => this.scan(),
      expand: (open) => this.change({ expanded: open ? allGroups(this.root()).map(({ path }) => path) : [] }),
      compare: () => this.compare(),
    });
    this.content.append(this.overview.element, this.toolbar.element, this.status, h('div', { class: 'columns' }, h('div', { class: 'lists' }, this.tree.element, this.table.element), this.pane.element));
    root.append(this.alert, this.content);
    host.listen((message) => this.hear(message));
    host.send({ type: 'ready', compareWith: this.state.compareWith });
  }

  private hear(message: ToCheckpoint): void {
    switch (message.type) {
      case 'header':
        return this.showHeader(message);
      case 'detail':
        this.details.set(message.detail.name, message.detail);
        this.problems.delete(message.detail.name);
        return this.schedule();
      case 'scanned':
        this.isScanning = false;
        return this.schedule();
      case 'changes':
        this.comparison = message;
        this.say(undefined);
        return this.change({ compareWith: message.other });
      case 'problem':
        return this.showProblem(message);
      default:
        return message satisfies never;
    }
  }

  private showHeader(header: Header): void {
    this.tensors = new Map(header.tensors.map((tensor) => [tensor.name, tensor]));
    this.details.clear();
    this.problems.clear();
    this.content.hidden = false;
    this.say(undefined);
    this.overview.show(header);
    // Before any has been opened: all of a small file, else the first level.
    if (this.host.getState() === undefined && header.tensors.length <= FEW_TENSORS) this.change({ expanded: allGroups(this.root()).map(({ path }) => path) });
    if (this.state.selected !== undefined) this.select(tensorKey(this.state.selected));
    this.draw();
  }

  private showProblem({ text, about }: Extract<ToCheckpoint, { readonly type: 'problem' }>): void {
    if (typeof about === 'object') this.problems.set(about.tensor, text);
    else this.say(text);
    if (about === 'comparison') this.stopComparing();
    this.schedule();
  }

  private say(problem: string | undefined): void {
    this.alert.hidden = problem === undefined;
    setText(this.alert, problem ?? '');
  }

  private select(key: string): void {
    this.pointed = key;
    window.clearTimeout(this.timer);
    const name = readKey(key).tensor;
    if (name === undefined) return this.schedule();
    const isHere = this.tensors.has(name);
    this.change({ selected: isHere ? name : undefined });
    if (isHere && !this.details.has(name)) this.timer = window.setTimeout(() => this.host.send({ type: 'detail', name }), PAUSE);
  }

  private toggle(key: string, isOpen: boolean): void {
    const path = readKey(key).group!;
    this.change({ expanded: isOpen ? [...this.state.expanded, path] : this.state.expanded.filter((other) => other !== path) });
    // At once: the next key is about the rows as they are now.
    this.draw();
  }

  private scan(): void {
    this.host.send(this.isScanning ? { type: 'stop-scanning' } : { type: 'scan', names: this.matching().map(({ name }) => name).filter((name) => !this.details.has(name)) });
    this.isScanning = !this.isScanning;
    this.schedule();
  }

  private compare(): void {
    if (this.comparison === undefined) return this.host.send({ type: 'compare' });
    this.host.send({ type: 'stop-comparing' });
    this.stopComparing();
  }

  private stopComparing(): void {
    this.comparison = undefined;
    this.change({ compareWith: undefined });
  }

  private change(part: Partial<CheckpointState>): void {
    this.state = { ...this.state, ...part };
    this.host.setState(this.state);
    this.schedule();
  }

  private matching(): readonly TensorRow[] {
    return matching([...this.tensors.values()], this.state.filter);
  }

  /** Made anew only where the file or the filter changed: statistics come in many times a second. */
  private root(): Group {
    const { tensors, state: { filter } } = this;
    if (this.grown?.tensors !== tensors || this.grown.filter !== filter) this.grown = { tensors, filter, root: treeOf(this.matching()) };
    return this.grown.root;
  }

  private schedule(): void {
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => this.draw());
  }

  private draw(): void {
    const { filter, expanded, selected } = this.state;
    const { comparison } = this;
    this.tree.element.hidden = comparison !== undefined;
    this.table.element.hidden = comparison === undefined;
    this.toolbar.update({ isScanning: this.isScanning, isComparing: comparison !== undefined });
    if (comparison) this.drawChanges(comparison);
    else {
      const open = new Set(expanded);
      const rows = visibleRows(this.root(), (group) => filter.trim() !== '' || open.has(group.path));
      this.tree.update(rows.map((row) => treeRow(row, (name) => this.details.get(name))), this.pointed);
      setText(this.status, this.progress());
    }
    this.pane.show(this.tensors.get(selected ?? ''), this.details.get(selected ?? ''), this.problems.get(selected ?? ''));
  }

  private drawChanges({ other, changes, done }: Comparison): void {
    this.table.update(changeRows(matching(changes, this.state.filter), this.tensors), this.pointed);
    setText(this.status, `Against ${shortPath(other)}: ${done ? changeSummary(changes) : `comparing, ${changes.length} of ${this.tensors.size} tensors`}. Relative change is ‖there − here‖ / ‖here‖.`);
  }

  private progress(): string {
    const shown = this.matching();
    const sick = shown.filter(({ name }) => (this.details.get(name)?.nan ?? 0) + (this.details.get(name)?.infinite ?? 0) > 0).length;
    const known = shown.filter(({ name }) => this.details.has(name)).length;
    const parts = [
      this.state.filter.trim() === '' ? '' : `${shown.length} of ${this.tensors.size} tensors match.`,
      known > 1 || this.isScanning ? `Statistics of ${known} of ${shown.length} tensors read${sick > 0 ? `; ${countText(sick, 'tensor')} with values that are not finite` : ''}.` : '',
    ];
    return parts.filter(Boolean).join(' ');
  }
}
