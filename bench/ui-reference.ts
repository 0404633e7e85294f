/** A fixed piece of work on one core: what the machine gave at the time, by which figures of different hours and machines compare. */
export function referenceMs(): number {
  const records = Array.from({ length: 200_000 }, (_, step) => ({ step, loss: Math.sin(step), level_losses: [step, step / 3, step / 7] }));
  const times = Array.from({ length: 7 }, () => {
    const begun = performance.now();
    JSON.parse(JSON.stringify(records));
    return performance.now() - begun;
  });
  return times.sort((a, b) => a - b)[3]!;
}

export const REFERENCE = '(Reference: 200,000 records written as JSON and read back, one core)';
