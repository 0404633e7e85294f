/** The processor in words: how fast the engines are to each other depends on what it can do at once. */
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';

const TELLING = ['avx2', 'avx512f', 'avx_vnni', 'avx512_vnni', 'amx_int8'];

/** `AMD EPYC (avx2)`; the instructions are known on Linux alone. */
export function processor(): string {
  const model = cpus()[0]?.model.trim() ?? 'an unknown processor';
  try {
    const flags = new Set(/^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]?.split(' '));
    return `${model} (${TELLING.filter((flag) => flags.has(flag)).join(', ') || 'without AVX2'})`;
  } catch {
    return model;
  }
}
