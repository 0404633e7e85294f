/** What an inspection says of an encoder's levels, and how alike the levels of two encoders are. */
import type { LevelDiagnostics } from '../../core/runs/diagnostics';
import { concatenate } from '../../core/tensors';
import { MinibatchCka } from './cka';
import { collapseStd } from './collapse';
import type { Inspection, Pooled } from './inspection';
import { rankMe } from './rank-me';

export function levelDiagnostics({ levels, pooled, width }: Inspection): LevelDiagnostics[] {
  return levels.map((reading, level) => {
    const rows = concatenate(pooled[level]!);
    return { ...reading, rankMe: rankMe(rows, width), collapseStd: collapseStd(rows, width) };
  });
}

/** CKA of the mean patch tokens, level of `a` × level of `b`; both inspected the same batches. */
export function ckaMatrix(a: Pooled, b: Pooled): number[][] {
  return a.pooled.map((left) =>
    b.pooled.map((right) => {
      const cka = new MinibatchCka();
      left.forEach((features, batch) => cka.add({ features, width: a.width }, { features: right[batch]!, width: b.width }));
      return cka.value();
    }),
  );
}
