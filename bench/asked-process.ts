/** A process that reads lines and answers each with a number, among other lines perhaps. */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';

export interface Asked {
  /** @throws Error where the process has ended */
  ask(what: string): Promise<number>;
  end(): Promise<void>;
}

export function asking(command: string, args: readonly string[]): Asked {
  const child: ChildProcessByStdio<Writable, Readable, null> = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  // Dawn writes its compiler's warnings among the answers.
  const ask = async (what: string): Promise<number> => {
    child.stdin.write(`${what}\n`);
    for (;;) {
      const { value, done } = await lines.next();
      if (done) throw new Error('its process ended');
      if (/^[\d.]+(e-?\d+)?$/.test(value)) return Number(value);
    }
  };
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const end = (): Promise<void> => {
    child.kill();
    return ended;
  };
  return { ask, end };
}
