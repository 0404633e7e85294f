/** A task's log from an offset on: what was read is never read again. */
import { open } from 'node:fs/promises';
import { errorCode } from '../../files/durable-files';
import { UserError } from '../../problems';
import type { Transport } from './transport';

const PIECE = 1 << 20;

export interface LogPiece {
  readonly text: string;
  /** Where to go on, in bytes. */
  readonly next: number;
}

/** Here where the file is seen, otherwise on the login node. A log that is not there yet is empty. @throws UserError MIM7464, MIM7465, MIM7471 */
export async function readLog(file: string, offset: number, transport: Transport): Promise<LogPiece> {
  return (await readHere(file, offset)) ?? (transport.host === undefined ? { text: '', next: offset } : readThere(file, offset, transport));
}

async function readHere(file: string, offset: number): Promise<LogPiece | undefined> {
  const handle = await open(file).catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (handle === undefined) return undefined;
  try {
    const buffer = Buffer.alloc(PIECE);
    const { bytesRead } = await handle.read(buffer, 0, PIECE, offset);
    return whole(buffer.subarray(0, bytesRead), offset);
  } finally {
    await handle.close();
  }
}

async function readThere(file: string, offset: number, { host, run }: Transport): Promise<LogPiece> {
  const { code, stdout, stderr } = await run(['tail', '-c', `+${offset + 1}`, '--', file]);
  if (code === 0) return whole(Buffer.from(stdout, 'utf8'), offset);
  if (/no such file/i.test(stderr)) return { text: '', next: offset };
  throw new UserError('MIM7471', `The log ${file} cannot be read on ${host}: ${stderr.trim()}`);
}

/** Up to the last whole line, so that no character is cut; a last line without its end comes with the next piece, unless it is long. */
function whole(bytes: Buffer, offset: number): LogPiece {
  const end = bytes.lastIndexOf(0x0a) + 1;
  const taken = end === 0 && bytes.length === PIECE ? bytes.length : end;
  return { text: bytes.toString('utf8', 0, taken), next: offset + taken };
}
