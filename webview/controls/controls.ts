/**
 * The controls of every webview. Each function makes one and returns its element with a `set`, which changes the shown
 * value without telling `onChange`, and does nothing where the value is shown already: live updates must not close an
 * open list or move a caret.
 */
import type { Button, Checkbox, Dropdown, Link, Option, TextField } from '@vscode/webview-ui-toolkit';
import { h } from '../dom';
import './register';
import './controls.css';

export interface Control<T> {
  readonly element: HTMLElement;
  set(value: T): void;
}

export interface ButtonOptions {
  readonly appearance?: 'primary' | 'secondary' | 'icon';
  /** For buttons whose text alone does not say what they do. */
  readonly label?: string;
  /** A button that stays down: its state is told to screen readers. */
  readonly pressed?: boolean;
  readonly disabled?: boolean;
}

/** `set` changes whether a toggling button is down. */
export function button(text: string, onClick: () => void, options: ButtonOptions = {}): Control<boolean> {
  const element = document.createElement('vscode-button') as Button;
  element.appearance = options.appearance ?? 'secondary';
  element.append(text);
  element.disabled = options.disabled ?? false;
  if (options.label !== undefined) {
    element.ariaLabel = options.label;
    element.title = options.label;
  }
  const set = (pressed: boolean) => {
    element.ariaPressed = String(pressed);
    element.classList.toggle('pressed', pressed);
  };
  if (options.pressed !== undefined) set(options.pressed);
  element.addEventListener('click', onClick);
  return { element, set };
}

export interface Choice {
  readonly value: string;
  readonly label: string;
}

export interface DropdownControl extends Control<string> {
  setChoices(choices: readonly Choice[], value: string): void;
}

export function dropdown(label: string, choices: readonly Choice[], value: string, onChange: (value: string) => void): DropdownControl {
  const list = document.createElement('vscode-dropdown') as Dropdown;
  list.ariaLabel = label;
  let shown = '';
  const setChoices = (next: readonly Choice[], selected: string) => {
    const key = JSON.stringify(next);
    if (key !== shown) {
      shown = key;
      list.replaceChildren(...next.map(option));
    }
    set(selected);
  };
  // The component takes its options in after a turn, and a value it does not know yet is lost.
  const set = (selected: string) => {
    for (const child of list.children) (child as Option).toggleAttribute('selected', (child as Option).getAttribute('value') === selected);
    queueMicrotask(() => requestAnimationFrame(() => {
      if (list.value !== selected) list.value = selected;
    }));
  };
  setChoices(choices, value);
  list.addEventListener('change', () => onChange(list.value));
  return { element: labelled(label, list), set, setChoices };
}

function option(choice: Choice): Option {
  const element = document.createElement('vscode-option') as Option;
  element.setAttribute('value', choice.value);
  element.textContent = choice.label;
  return element;
}

export function checkbox(label: string, checked: boolean, onChange: (checked: boolean) => void): Control<boolean> {
  const box = document.createElement('vscode-checkbox') as Checkbox;
  box.append(label);
  box.ariaLabel = label;
  box.checked = checked;
  let shown = checked;
  const set = (next: boolean) => {
    shown = next;
    if (box.checked !== next) box.checked = next;
  };
  // The component also tells of changes made by `set`; only the user's are passed on.
  box.addEventListener('change', () => {
    if (box.checked === shown) return;
    shown = box.checked;
    onChange(shown);
  });
  return { element: box, set };
}

export interface TextFieldOptions {
  readonly placeholder?: string;
  /** Tells while typing, after a pause, rather than on Enter or leaving. */
  readonly live?: boolean;
}

export function textField(label: string, value: string, onChange: (value: string) => void, options: TextFieldOptions = {}): Control<string> {
  const field = document.createElement('vscode-text-field') as TextField;
  // The component clears the label it is given before it is connected.
  queueMicrotask(() => (field.ariaLabel = label));
  field.placeholder = options.placeholder ?? label;
  field.value = value;
  let told = value;
  let timer: number | undefined;
  const tell = () => {
    window.clearTimeout(timer);
    if (field.value === told) return;
    told = field.value;
    onChange(told);
  };
  field.addEventListener('change', tell);
  if (options.live) {
    field.addEventListener('input', () => {
      window.clearTimeout(timer);
      timer = window.setTimeout(tell, 150);
    });
  }
  const set = (next: string) => {
    if (document.activeElement === field || field.value === next) return;
    told = next;
    field.value = next;
  };
  return { element: field, set };
}

export interface SliderOptions {
  readonly min: number;
  readonly max: number;
  readonly step: number;
  /** The value as the user reads it. */
  readonly format?: (value: number) => string;
}

export interface SliderControl extends Control<number> {
  setRange(options: SliderOptions, value: number): void;
}

/** The toolkit has no slider, so this is the platform's, dressed in the theme's colours. Tells while it is dragged. */
export function slider(label: string, options: SliderOptions, value: number, onChange: (value: number) => void): SliderControl {
  let format = options.format ?? String;
  const input = h('input', { type: 'range', class: 'slider', 'aria-label': label, min: options.min, max: options.max, step: options.step });
  const output = h('output', { class: 'slider-value' });
  const show = () => {
    const text = format(Number(input.value));
    output.textContent = text;
    input.setAttribute('aria-valuetext', text);
  };
  const set = (next: number) => {
    if (Number(input.value) !== next) input.value = String(next);
    show();
  };
  const setRange = (next: SliderOptions, at: number) => {
    format = next.format ?? String;
    input.min = String(next.min);
    input.max = String(next.max);
    input.step = String(next.step);
    input.disabled = next.max <= next.min;
    set(at);
  };
  let waiting = 0;
  input.addEventListener('input', () => {
    show();
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(() => onChange(Number(input.value)));
  });
  setRange(options, value);
  const element = h('span', { class: 'labelled' }, h('span', { class: 'control-label', 'aria-hidden': 'true' }, label), input, output);
  return { element, set, setRange };
}

export function link(text: string, onClick: () => void, label?: string): HTMLElement {
  const element = document.createElement('vscode-link') as Link;
  element.href = '#';
  element.append(text);
  if (label !== undefined) element.title = label;
  element.addEventListener('click', (event) => {
    event.preventDefault();
    onClick();
  });
  return element;
}

function labelled(label: string, control: HTMLElement): HTMLElement {
  return h('span', { class: 'labelled' }, h('span', { class: 'control-label', 'aria-hidden': 'true' }, label), control);
}
