/** What can be done with the list of tensors. */
import { button, textField } from '../controls/controls';
import { h } from '../dom';

export interface ToolbarActions {
  readonly filter: (text: string) => void;
  /** Starts reading the statistics of all that are shown, or stops it. */
  readonly scan: () => void;
  readonly expand: (isOpen: boolean) => void;
  /** Starts a comparison, or ends the one that is shown. */
  readonly compare: () => void;
}

export interface ToolbarState {
  readonly isScanning: boolean;
  readonly isComparing: boolean;
}

export class Toolbar {
  readonly element: HTMLElement;
  private readonly scan: HTMLElement;
  private readonly compare: HTMLElement;
  private readonly ofTree: readonly HTMLElement[];

  constructor(filter: string, actions: ToolbarActions) {
    this.scan = button('All statistics', actions.scan).element;
    this.compare = button('Compare with…', actions.compare).element;
    this.ofTree = [this.scan, button('Expand all', () => actions.expand(true)).element, button('Collapse all', () => actions.expand(false)).element];
    this.element = h('div', { class: 'toolbar', role: 'toolbar', 'aria-label': 'Tensors' }, textField('Filter tensors by name', filter, actions.filter, { live: true }).element, ...this.ofTree, this.compare);
  }

  update({ isScanning, isComparing }: ToolbarState): void {
    for (const control of this.ofTree) control.hidden = isComparing;
    relabel(this.scan, isScanning ? 'Stop reading' : 'All statistics');
    relabel(this.compare, isComparing ? 'Stop comparing' : 'Compare with…');
  }
}

function relabel(control: HTMLElement, text: string): void {
  if (control.textContent !== text) control.textContent = text;
}
