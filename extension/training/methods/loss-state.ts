/** What a loss reads of a training's state, for programs that compute it and train nothing. */
import type { ResolvedExperiment } from '../../core/config/schema';
import type { NamedSpecs } from '../../core/tensors';
import type { Method } from './method';

/** Parameters that it trains or holds and, where the student teaches itself, its average as `ema.…`. */
export function lossState(method: Method, { teacher }: Pick<ResolvedExperiment, 'teacher'>): NamedSpecs {
  const entries = Object.entries(method.parameters);
  const averaged = teacher?.ema ? entries.filter(([name]) => !name.startsWith('method.')) : [];
  return Object.fromEntries([
    ...entries.filter(([name]) => method.reads(name) || method.held?.includes(name)),
    ...averaged.map(([name, spec]) => [`ema.${name}`, spec] as const),
  ]);
}
