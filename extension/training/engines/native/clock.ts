/** The processor's clock, which counts at one rate whatever its speed is. */
import { RAX, RDX, type Assembler } from './assembler';

/** RAX := the clock; RDX is lost. */
export function readClock(asm: Assembler): void {
  asm.rdtsc();
  asm.shlImm(RDX, 32);
  asm.add(RAX, RDX);
}
