/** The engine that `auto` takes on a machine without a GPU. */
import { compiledForProcessor } from '../extension/core/config/engine-traits';
import { createEngine } from '../extension/training/engines/create';
import type { Engine } from '../extension/training/engines/engine';

/** @throws UserError what the last of them says, where none of these works */
export async function cpuEngine(threads: number, kinds = compiledForProcessor): Promise<Engine> {
  let fault: unknown;
  for (const kind of kinds) {
    try {
      return (await createEngine({ kind, threads })).engine;
    } catch (error) {
      fault = error;
    }
  }
  throw fault;
}
