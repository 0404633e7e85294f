/** Words for shells: `ssh` joins its arguments and hands them to the login shell of the other side, which reads them anew. */

/** One word for a POSIX shell, whatever it holds. A NUL cannot be in an argument at all. */
export function shellQuote(word: string): string {
  if (/^[\w@%+=:,./-]+$/.test(word)) return word;
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** A value on a line of `#SBATCH`, where double quotes and backslashes are read as in a shell, and `$` is not. */
export function sbatchQuote(value: string): string {
  if (/^[\w@%+=:,./-]+$/.test(value)) return value;
  return `"${value.replace(/[\\"]/g, '\\$&')}"`;
}
