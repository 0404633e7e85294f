/** The theme's colours as a canvas needs them: values, read again whenever the theme changes. */

export interface ChartTheme {
  readonly text: string;
  readonly faint: string;
  readonly grid: string;
  readonly background: string;
  readonly error: string;
  readonly font: string;
  readonly series: readonly string[];
}

/** Hues in the palette; a run's index beyond it repeats them with another dash and marker. */
export const HUES = 8;

export function readTheme(): ChartTheme {
  const style = getComputedStyle(document.body);
  const token = (names: readonly string[], otherwise: string) => {
    for (const name of names) {
      const value = style.getPropertyValue(name).trim();
      if (value !== '') return value;
    }
    return otherwise;
  };
  const text = token(['--vscode-editor-foreground', '--vscode-foreground'], '#cccccc');
  return {
    text,
    faint: token(['--vscode-descriptionForeground'], text),
    // Contrast themes have a border colour for everything; the others' faint one would vanish there.
    grid: token(['--vscode-contrastBorder', '--vscode-editorWidget-border', '--vscode-widget-border', '--vscode-charts-lines'], 'rgba(128,128,128,0.3)'),
    background: token(['--vscode-editor-background'], '#1e1e1e'),
    error: token(['--vscode-errorForeground', '--vscode-charts-red'], '#f14c4c'),
    font: token(['--vscode-font-family'], 'sans-serif'),
    series: Array.from({ length: HUES }, (_, hue) => token([`--mim-series-${hue}`], text)),
  };
}

const listeners = new Set<() => void>();
let observer: MutationObserver | undefined;

/** Returns what ends the listening. VS Code changes the body's class and the root's style when the theme changes. */
export function onThemeChange(listener: () => void): () => void {
  observer ??= observe();
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
}

function observe(): MutationObserver {
  const made = new MutationObserver(() => {
    for (const listener of listeners) listener();
  });
  made.observe(document.body, { attributes: true, attributeFilter: ['class', 'data-vscode-theme-kind'] });
  made.observe(document.documentElement, { attributes: true, attributeFilter: ['style', 'class'] });
  return made;
}
