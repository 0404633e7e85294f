/** On which device in software an engine computes: its driver's threads show it. */
import { readdir, readFile } from 'node:fs/promises';
import type { Engine } from '../../extension/training/engines/engine';
import { momentumBatch, momentumProgram, momentumState } from '../unit/engines/small-programs';

/** @returns the names of the process's threads as it computes */
export async function threadsOfEngine(engine: Engine): Promise<string[]> {
  const [program, state] = [await engine.compile(momentumProgram()), engine.createState(momentumState())];
  try {
    await program.run(state, [momentumBatch(1)]);
    return await threadNames();
  } finally {
    state.dispose();
    await program.dispose();
  }
}

export async function threadNames(): Promise<string[]> {
  const threads = await readdir('/proc/self/task');
  return Promise.all(threads.map((thread) => readFile(`/proc/self/task/${thread}/comm`, 'utf8').catch(() => '')));
}
