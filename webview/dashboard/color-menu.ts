/** The colours, dashes and markers a run can have, to choose from. */
import { MARK_COUNT, markName, swatch } from '../charts/run-mark';
import { h } from '../dom';

const COLUMNS = 4;

/** Closes on a choice, on Escape and when the focus leaves it; then the anchor has the focus again. */
export function openColorMenu(anchor: HTMLElement, chosen: number, choose: (color: number) => void): void {
  const options = Array.from({ length: MARK_COUNT }, (_, color) => option(color, color === chosen % MARK_COUNT));
  const menu = h('div', { class: 'color-menu', role: 'menu', 'aria-label': 'Colour' }, ...options);
  let isClosed = false;
  // Removing what has the focus tells of its loss, which asks to close once more.
  const close = () => {
    if (isClosed) return;
    isClosed = true;
    const hadFocus = menu.contains(document.activeElement);
    menu.remove();
    if (hadFocus) anchor.focus();
  };
  options.forEach((button, color) => button.addEventListener('click', () => {
    close();
    choose(color);
  }));
  menu.addEventListener('keydown', (event) => {
    const moves: Readonly<Record<string, number>> = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -COLUMNS, ArrowDown: COLUMNS };
    const move = moves[event.key];
    if (event.key === 'Escape') close();
    else if (move !== undefined) options[(options.indexOf(document.activeElement as HTMLButtonElement) + move + MARK_COUNT) % MARK_COUNT]!.focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  menu.addEventListener('focusout', ({ relatedTarget }) => !menu.contains(relatedTarget as Node | null) && close());
  document.body.append(menu);
  place(menu, anchor);
  options[chosen % MARK_COUNT]!.focus();
}

function option(color: number, checked: boolean): HTMLButtonElement {
  return h('button', { type: 'button', class: 'plain', role: 'menuitemradio', 'aria-checked': String(checked), 'aria-label': markName(color), title: markName(color), tabindex: -1 }, swatch(color));
}

function place(menu: HTMLElement, anchor: HTMLElement): void {
  const { left, bottom, top } = anchor.getBoundingClientRect();
  const below = bottom + menu.offsetHeight <= window.innerHeight;
  menu.style.left = `${Math.max(0, Math.min(left, window.innerWidth - menu.offsetWidth))}px`;
  menu.style.top = `${below ? bottom : Math.max(0, top - menu.offsetHeight)}px`;
}
