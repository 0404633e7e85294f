/** What an inspection says of an encoder's levels, and how alike the levels of two encoders are. */
import { concatenate } from '../../core/tensors';
import { MinibatchCka } from './cka';
import { collapseStd } from './collapse';
import type { Inspection, LevelReading } from './inspection';
import { rankMe } from './rank-me';

export interface LevelDiagnostics extends LevelReading {
  /** Directions that the mean patch token uses: 1 to the width. */
  readonly rankMe: number;
  /** Of the mean patch token over images; healthy near 1/√width, 0 collapsed. */
  readonly collapseStd: number;
}

export function levelDiagnostics({ levels, pooled, width }: Inspection): LevelDiagnostics[] {
  return levels.map((reading, level) => {
    const rows = concatenate(pooled[level]!);
    return { ...reading, rankMe: rankMe(rows, width), collapseStd: collapseStd(rows, width) };
  });
}

/** CKA of the mean patch tokens, level of `a` × level of `b`; both inspected the same batches. */
export function ckaMatrix(a: Inspection, b: Inspection): number[][] {
  return a.pooled.map((left) =>
    b.pooled.map((right) => {
      const cka = new MinibatchCka();
      left.forEach((features, batch) => cka.add({ features, width: a.width }, { features: right[batch]!, width: b.width }));
      return cka.value();
    }),
  );
}
