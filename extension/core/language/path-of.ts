/** `evaluate.0.k` → [`evaluate`, 0, `k`]. */
export function parsePath(dottedKey: string): (string | number)[] {
  if (dottedKey === '') return [];
  return dottedKey.split('.').map((step) => (/^\d+$/.test(step) ? Number(step) : step));
}
