/** Why a program ended, from what it printed: the error's own words, without the stack around them. */

const ERROR = /^(?:\w*Error\b.*?:|error\b.*:|unexpected error:|fatal\b|.*: (?:not found|cannot execute|No such file)\b)/i;
const NOISE = /^\s+at |^\s*\^+\s*$|^Node\.js v\d|^node:internal|^file:\/\/|^\s*[{}]\s*$|^\s+(?:code|requireStack|url|throw \w+):?|^\s*throw /;
const MOST_LINES = 4;

/** At most a few lines; a sentence that says so where there was no output. */
export function lastWords(output: string): string {
  const lines = output.split(/\r?\n/);
  const at = lines.findLastIndex((line) => ERROR.test(line));
  const said = (at >= 0 ? lines.slice(at) : lines).filter((line) => line.trim() !== '' && !NOISE.test(line)).map((line) => line.trimEnd());
  const kept = at >= 0 ? said.slice(0, MOST_LINES) : said.slice(-MOST_LINES);
  return kept.length === 0 ? 'It ended without a word.' : kept.join('\n');
}
