/** Derived values at the ends of lines. */
import type { DerivedValue } from './derived';
import { type KeyPlace, placeOf } from './locate-key';
import { lineEndAt } from './text-edit';

export interface Hint {
  /** End of the value it stands behind, or of its line for a section. */
  readonly offset: number;
  readonly label: string;
  /** Markdown. */
  readonly tooltip: string;
}

/** @param text from which `places` were read */
export function hintsOf(text: string, places: readonly KeyPlace[], values: readonly DerivedValue[]): Hint[] {
  return values.flatMap(({ keys, short, long }) => {
    const place = keys.map((key) => placeOf(places, key)).find((found) => found?.value);
    if (!place) return [];
    const oneLine = !text.slice(place.key.start, place.value!.end).trimEnd().includes('\n');
    return [{ offset: oneLine ? place.value!.end : lineEndAt(text, place.key.end), label: short, tooltip: long }];
  });
}
