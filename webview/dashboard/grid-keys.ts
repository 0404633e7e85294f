/** Walking a grid with the arrow keys: one control of it is in the tab order, the one that was used last. */

const CONTROLS = 'input, button';

/** Of a grid whose rows are the elements with role `row`; rows that are hidden are passed over. */
export function walkWithKeys(grid: HTMLElement): void {
  grid.addEventListener('focusin', (event) => makeStop(grid, event.target as HTMLElement));
  grid.addEventListener('keydown', (event) => {
    const next = target(grid, event.target as HTMLElement, event);
    if (!next) return;
    event.preventDefault();
    next.focus();
    next.scrollIntoView({ block: 'nearest' });
  });
}

/** After rows came or went: there is a tab stop again. */
export function keepTabStop(grid: HTMLElement): void {
  const stop = grid.querySelector<HTMLElement>('[tabindex="0"]');
  if (stop && stop.closest('[role=row]:not([hidden])')) return;
  const first = grid.querySelector<HTMLElement>(`[role=row]:not([hidden]) :is(${CONTROLS})`);
  if (first) makeStop(grid, first);
}

function makeStop(grid: HTMLElement, control: HTMLElement): void {
  if (!control.matches(CONTROLS)) return;
  for (const other of grid.querySelectorAll<HTMLElement>('[tabindex="0"]')) other.tabIndex = -1;
  control.tabIndex = 0;
}

function target(grid: HTMLElement, from: HTMLElement, { key }: KeyboardEvent): HTMLElement | undefined {
  const row = from.closest<HTMLElement>('[role=row]');
  if (!row) return undefined;
  const controls = controlsOf(row);
  const column = controls.indexOf(from);
  if (key === 'ArrowRight') return controls[column + 1];
  if (key === 'ArrowLeft') return controls[column - 1];
  const rows = [...grid.querySelectorAll<HTMLElement>('[role=row]:not([hidden])')].filter((other) => controlsOf(other).length > 0);
  const at = rows.indexOf(row);
  const places: Readonly<Record<string, number>> = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1, PageDown: Math.min(rows.length - 1, at + 10), PageUp: Math.max(0, at - 10) };
  const place = places[key];
  const next = place === undefined ? undefined : rows[place];
  const there = next ? controlsOf(next) : [];
  return there[Math.min(column, there.length - 1)];
}

function controlsOf(row: HTMLElement): HTMLElement[] {
  return [...row.querySelectorAll<HTMLElement>(CONTROLS)];
}
