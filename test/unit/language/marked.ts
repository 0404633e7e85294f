/** Texts with a `|` where the cursor stands. */
export function marked(text: string): { readonly text: string; readonly offset: number } {
  const offset = text.indexOf('|');
  if (offset === -1) throw new Error('no | in the text');
  return { text: text.slice(0, offset) + text.slice(offset + 1), offset };
}

/** What a snippet writes when every placeholder is accepted as it is. */
export function accepted(snippet: string): string {
  return snippet
    .replace(/\$\{\d+\|((?:\\.|[^|\\])*?)[,|](?:\\.|[^}\\])*\}/g, '$1')
    .replace(/\$\{\d+:((?:\\.|[^}\\])*)\}/g, '$1')
    .replace(/(?<!\\)\$\d+/g, '')
    .replace(/\\(.)/g, '$1');
}
