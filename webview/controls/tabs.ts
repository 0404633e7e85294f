/** A row of tabs over panels, one panel shown at a time. */
import type { Panels } from '@vscode/webview-ui-toolkit';
import { h } from '../dom';
import type { Control } from './controls';
import './register';

export interface Tab {
  readonly id: string;
  readonly label: string;
}

export interface Tabs extends Control<string> {
  /** The element a tab's content goes into. */
  panel(id: string): HTMLElement;
}

export function tabs(label: string, entries: readonly Tab[], selected: string, onChange: (id: string) => void): Tabs {
  const element = document.createElement('vscode-panels') as Panels;
  element.setAttribute('aria-label', label);
  const contents = new Map<string, HTMLElement>();
  const views: HTMLElement[] = [];
  for (const { id, label: text } of entries) {
    const tab = document.createElement('vscode-panel-tab');
    tab.id = `tab-${id}`;
    tab.textContent = text;
    const view = document.createElement('vscode-panel-view');
    view.id = `view-${id}`;
    const content = h('div', { class: 'panel-content' });
    view.append(content);
    contents.set(id, content);
    element.append(tab);
    views.push(view);
  }
  element.append(...views);
  element.activeid = `tab-${selected}`;
  let shown = selected;
  element.addEventListener('change', () => {
    const id = element.activeid.replace(/^tab-/, '');
    if (id === shown || !contents.has(id)) return;
    shown = id;
    onChange(id);
  });
  const set = (id: string) => {
    shown = id;
    if (element.activeid !== `tab-${id}`) element.activeid = `tab-${id}`;
  };
  const panel = (id: string) => {
    const content = contents.get(id);
    if (content === undefined) throw new Error(`There is no tab '${id}'.`);
    return content;
  };
  return { element, set, panel };
}
