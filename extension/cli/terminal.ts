/**
 * Where a command's words go. Answers are for stdout, everything said to a person beside them is for stderr,
 * so that `mim … --json > file` holds nothing but the document.
 */

export interface Terminal {
  /** The answer of a command. */
  out(text: string): void;
  /** A line for a person. */
  note(text: string): void;
  /**
   * What is done once nobody reads stdout or stderr any more (`mim … | head`), in place of leaving at once, which is no
   * error. It may be called more than once.
   */
  onReaderGone(listener: () => void): void;
  /** Stream that progress is drawn on. */
  readonly progressStream: NodeJS.WritableStream;
  /** A person is watching the progress stream. */
  readonly interactive: boolean;
  readonly color: boolean;
}

export function processTerminal(): Terminal {
  const interactive = process.stderr.isTTY === true && process.env['TERM'] !== 'dumb';
  let readerGone = (): void => process.exit(0);
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      readerGone();
    });
  }
  return {
    onReaderGone: (listener) => {
      readerGone = listener;
    },
    out: (text) => void process.stdout.write(`${text}\n`),
    note: (text) => void process.stderr.write(`${text}\n`),
    progressStream: process.stderr,
    interactive,
    color: interactive && !process.env['NO_COLOR'],
  };
}

/** One JSON document as the whole answer. Values that JSON has no word for (NaN, ±∞) become null. */
export function printJson(terminal: Terminal, value: unknown): void {
  terminal.out(JSON.stringify(value, null, 2));
}

const styles = { red: 31, green: 32, yellow: 33, bold: 1, dim: 2 } as const;

export function styled(terminal: Terminal, style: keyof typeof styles, text: string): string {
  return terminal.color ? `\u001b[${styles[style]}m${text}\u001b[0m` : text;
}
