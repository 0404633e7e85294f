/** Labels of a WebDataset shard: files that share a key (`000123.jpg`, `000123.cls`) are one sample. */
import { UserError } from '../../core/problems';
import type { ByteRanges } from './byte-file';
import type { TarEntry } from './tar-index';

/** A companion holds a number or a name; a JSON one may carry captions. */
const MAX_COMPANION = 64 * 1024;
const JSON_KEYS = ['label', 'cls', 'class'];

/** The name without everything from the first dot of its last part on. */
export function sampleKey(name: string): string {
  const slash = name.lastIndexOf('/');
  const dot = name.indexOf('.', slash + 1);
  return dot < 0 ? name : name.slice(0, dot);
}

/**
 * Class by sample key, or undefined where the archive has no label companions.
 * @throws UserError MIM2109 where a companion cannot be understood.
 */
export function webDatasetLabels(file: ByteRanges, entries: readonly TarEntry[], where: string): Map<string, string | number> | undefined {
  const labels = new Map<string, string | number>();
  for (const entry of entries) {
    const isJson = entry.name.endsWith('.json');
    if (!isJson && !entry.name.endsWith('.cls')) continue;
    const fault = (how: string) => new UserError('MIM2109', `${entry.name} in ${where} ${how}.`, 'A .cls companion holds one number or name; a .json one an object with `label`, `cls` or `class`.');
    if (entry.size > MAX_COMPANION) throw fault(`is ${entry.size} bytes long`);
    const text = Buffer.from(file.read(entry.offset, entry.size)).toString('utf8').trim();
    const label = isJson ? jsonLabel(text, fault) : text;
    if (label === undefined) continue;
    if (label === '') throw fault('is empty');
    labels.set(sampleKey(entry.name), asNumber(label, fault));
  }
  return labels.size > 0 ? labels : undefined;
}

function jsonLabel(text: string, fault: (how: string) => UserError): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw fault('is not JSON');
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const object = value as Record<string, unknown>;
  const label = JSON_KEYS.map((key) => object[key]).find((candidate) => typeof candidate === 'string' || typeof candidate === 'number');
  return label === undefined ? undefined : String(label);
}

function asNumber(label: string, fault: (how: string) => UserError): string | number {
  if (!/^\d+$/.test(label)) return label;
  const value = Number(label);
  if (value > 1_000_000) throw fault(`names class ${label}`);
  return value;
}
