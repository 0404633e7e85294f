/**
 * Writes assembler-fixture.json beside this file: the bytes in which GNU binutils (written with 2.40; `as`, `objcopy` and `objdump` for
 * x86-64) writes the text of each case. By hand, in the root of the repository, when there are other cases:
 *
 *     npx esbuild test/unit/engines/native/make-assembler-fixture.ts --bundle --platform=node --format=esm | node --input-type=module -
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Assembler } from '../../../../extension/training/engines/native/assembler';
import type { Case } from './assembler-cases';
import { CASES } from './assembler-cases';

const folder = mkdtempSync(join(tmpdir(), 'assembler-'));
const [object, binary] = [join(folder, 'case.o'), join(folder, 'case.bin')];

function assembled(text: string): Buffer {
  // EVEX has a length even where it has no meaning, in instructions of one number; the Assembler always writes that of 512 bits.
  execFileSync('as', ['-mevexlig=512', '-o', object, '-'], { input: `.intel_syntax noprefix\n${text}\n` });
  execFileSync('objcopy', ['-O', 'binary', '-j', '.text', object, binary]);
  return readFileSync(binary);
}

/** The Assembler's own bytes, if objdump reads in them what the case says: one instruction that is nothing else. */
function readBack({ text, emit }: Case): Buffer {
  const assembler = new Assembler();
  emit(assembler);
  const bytes = Buffer.from(assembler.code());
  writeFileSync(binary, bytes);
  const listing = execFileSync('objdump', ['-D', '-b', 'binary', '-m', 'i386:x86-64', '-M', 'intel', '--insn-width=16', binary], { encoding: 'utf8' });
  const instructions = [...listing.matchAll(/^ +[0-9a-f]+:\t[0-9a-f ]+\t(.*)$/gm)].map((match) => match[1]!.trim().replace(/ +/, ' '));
  if (instructions.join('; ') !== text) throw new Error(`not ${text}, but ${instructions.join('; ')}: ${bytes.toString('hex')}`);
  return bytes;
}

const fixture = Object.fromEntries(CASES.map((of) => [of.text, (of.readBack ? readBack(of) : assembled(of.text)).toString('hex')]));
rmSync(folder, { recursive: true });
writeFileSync('test/unit/engines/native/assembler-fixture.json', `${JSON.stringify(fixture, undefined, 1)}\n`);
