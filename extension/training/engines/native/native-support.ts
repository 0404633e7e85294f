/** Whether machine code can be written and run here. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type koffi from 'koffi';

const FLAGS = ['avx512f', 'avx512dq', 'avx512bw', 'avx512vl'];
/** Of products of bytes. */
const BYTES = 'avx512_vnni';
/** glibc has them in one library since 2.34. */
const FUNCTIONS = ['mmap', 'dlopen', 'dlsym', 'pthread_create', 'pthread_join'];

/** Why the engine does not run on this machine; undefined where it does. */
export function nativeSupport(): string | undefined {
  if (process.platform !== 'linux' || process.arch !== 'x64') return `It writes machine code for Linux on x64; this is ${process.platform} on ${process.arch}.`;
  const missing = missingFlags();
  return missing.length > 0 ? `The processor does not have ${missing.join(', ')}.` : missingLibrary();
}

/** Whether it computes products in 8 bits here too. */
export function computesBytes(): boolean {
  return nativeSupport() === undefined && processorsFlags().has(BYTES);
}

/** The system names them only where it keeps their registers too. */
function processorsFlags(): ReadonlySet<string> {
  const line = /^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? '';
  return new Set(line.trim().split(/\s+/));
}

function missingFlags(): string[] {
  const flags = processorsFlags();
  return FLAGS.filter((flag) => !flags.has(flag));
}

function missingLibrary(): string | undefined {
  try {
    // Asked here and not imported: what says no must not fail where koffi, or the library, is missing.
    const { load } = createRequire(import.meta.url)('koffi') as typeof koffi;
    const library = load('libc.so.6');
    for (const name of FUNCTIONS) library.func(name, 'int', []);
    load('libm.so.6');
    return undefined;
  } catch (error) {
    return `The C library cannot be called: ${error instanceof Error ? error.message : String(error)}`;
  }
}
