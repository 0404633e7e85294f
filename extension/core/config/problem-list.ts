/** Collects problems of an experiment, each at the place of the first of its keys that is written. */
import type { Problem, Severity } from '../problems';
import { type Locator, nearestLocation } from './location';

interface Details {
  readonly hint?: string;
  readonly replacement?: string;
  readonly severity?: Severity;
}

export class ProblemList {
  readonly all: Problem[] = [];

  constructor(
    readonly file: string,
    readonly locate: Locator,
  ) {}

  /** @param keys the key at fault, then others that could be changed instead */
  add(code: string, keys: string | readonly string[], message: string, { hint, replacement, severity = 'error' }: Details): void {
    const candidates = typeof keys === 'string' ? [keys] : keys;
    const written = candidates.find((key) => this.locate(key));
    this.all.push({
      code,
      severity,
      key: candidates[0]!,
      ...(nearestLocation(this.locate, candidates) ?? { file: this.file }),
      message,
      ...(hint !== undefined && { hint }),
      // A quick fix replaces what is written at the first key; elsewhere it would be wrong.
      ...(replacement !== undefined && written === candidates[0] && { replacement }),
    });
  }

  get hasErrors(): boolean {
    return this.all.some((problem) => problem.severity === 'error');
  }
}
