/** The engine that `auto` takes on a machine without a GPU. */
import { createEngine } from '../extension/training/engines/create';
import type { Engine } from '../extension/training/engines/engine';

/** @throws UserError where none of these works */
export async function cpuEngine(threads: number, kinds: readonly ('native' | 'compiled-cpu')[] = ['native', 'compiled-cpu']): Promise<Engine> {
  const [kind, ...others] = kinds;
  const opened = createEngine({ kind: kind!, threads });
  const { engine } = await (others.length > 0 ? opened.catch(async () => ({ engine: await cpuEngine(threads, others) })) : opened);
  return engine;
}
