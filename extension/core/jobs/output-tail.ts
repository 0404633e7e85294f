/** The end of what a program printed, where it says why it ended. */
import { open } from 'node:fs/promises';

const TAIL_BYTES = 16 << 10;

/** Empty where there is no such file. */
export async function tailOf(file: string): Promise<string> {
  try {
    const handle = await open(file, 'r');
    try {
      const { size } = await handle.stat();
      const piece = Buffer.alloc(Math.min(size, TAIL_BYTES));
      const { bytesRead } = await handle.read(piece, 0, piece.length, size - piece.length);
      return piece.toString('utf8', 0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch {
    return '';
  }
}
