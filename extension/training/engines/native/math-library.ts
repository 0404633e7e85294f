/** Functions of the C library's mathematics, for code that calls them. */
import koffi from 'koffi';
import type { Address } from './host-memory';

const RTLD_NOW = 2;

type Find = (name: string) => Address;
let found: Find | undefined;

/** Opened by itself: that the program has it, and shows it to others, is not sure. It stays open. */
function openLibrary(): Find {
  const library = koffi.load('libc.so.6');
  const dlopen = library.func('uint64_t dlopen(const char *file, int mode)') as (file: string, mode: number) => number | bigint;
  const dlsym = library.func('uint64_t dlsym(uint64_t library, const char *name)') as (opened: number | bigint, name: string) => number | bigint;
  const mathematics = dlopen('libm.so.6', RTLD_NOW);
  if (Number(mathematics) === 0) throw new Error('The C library has no mathematics.');
  return (name) => Number(dlsym(mathematics, name));
}

/** @throws Error where there is no such function */
export function mathFunction(name: string): Address {
  const address = (found ??= openLibrary())(name);
  if (address === 0) throw new Error(`The C library has no ${name}.`);
  return address;
}
