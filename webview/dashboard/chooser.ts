/** Several out of many: a button that opens a list of check boxes, under headings. None chosen means the usual ones, which are then checked. */
import { h } from '../dom';

export interface ChooserChoice {
  readonly value: string;
  readonly label: string;
  readonly group?: string;
}

export interface Chooser {
  readonly element: HTMLElement;
  setChoices(choices: readonly ChooserChoice[], chosen: readonly string[], usual: readonly string[]): void;
}

export function chooser(label: string, onChange: (chosen: string[]) => void): Chooser {
  const list = h('div', { class: 'chooser-list', role: 'group', 'aria-label': label });
  const summary = h('summary', {}, label);
  const element = h('details', { class: 'chooser' }, summary, list);
  const boxes = new Map<string, HTMLInputElement>();
  let drawn = '';

  const tell = () => onChange([...boxes].filter(([, box]) => box.checked).map(([value]) => value));
  const usual = h('button', { type: 'button', class: 'plain' }, 'The usual ones');
  usual.addEventListener('click', () => onChange([]));
  element.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || !element.open) return;
    element.open = false;
    summary.focus();
  });
  element.addEventListener('focusout', ({ relatedTarget }) => {
    if (relatedTarget instanceof Node && !element.contains(relatedTarget)) element.open = false;
  });

  const box = ({ value, label: text }: ChooserChoice) => {
    const input = h('input', { type: 'checkbox' });
    input.addEventListener('change', tell);
    boxes.set(value, input);
    return h('label', {}, input, text);
  };
  return {
    element,
    setChoices: (choices, chosen, usualOnes) => {
      const key = JSON.stringify(choices);
      if (key !== drawn) {
        drawn = key;
        boxes.clear();
        const groups = [...new Set(choices.map(({ group }) => group))];
        list.replaceChildren(usual, ...groups.flatMap((group) => [
          ...(group === undefined ? [] : [h('div', { class: 'chooser-group' }, group)]),
          ...choices.filter((choice) => choice.group === group).map(box),
        ]));
      }
      for (const [value, input] of boxes) input.checked = (chosen.length === 0 ? usualOnes : chosen).includes(value);
      summary.textContent = chosen.length === 0 ? label : `${label} (${chosen.length})`;
    },
  };
}
