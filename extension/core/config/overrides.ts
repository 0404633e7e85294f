/** `--set masking.ratio=0.5`: values given beside the file, read as YAML and checked like the rest of it. */
import type { Problem } from '../problems';
import { type Path, YamlTree } from './yaml-tree';

/** Dotted key → value as written on the command line. */
export type Overrides = Readonly<Record<string, string>>;

/** `student: vit_tiny_patch4` and `engine: auto` are short for a mapping with this key. */
const shortForms: Readonly<Record<string, string>> = { student: 'preset', engine: 'kind' };

/**
 * Writes the overrides into the tree.
 * A value left empty (`--set teacher=`) removes the key. Problems point to the option.
 */
export function applyOverrides(tree: YamlTree, overrides: Overrides): Problem[] {
  return Object.entries(overrides).flatMap(([key, text]) => applyOverride(tree, key, text));
}

function applyOverride(tree: YamlTree, key: string, text: string): Problem[] {
  const origin = `--set ${key}=${text}`;
  const path: Path = key.split('.').map((step) => (/^\d{1,9}$/.test(step) ? Number(step) : step));
  if (path.some((step) => step === '')) {
    return [{ code: 'MIM1011', severity: 'error', file: origin, message: `\`${key}\` is not a key.`, hint: 'Write section.key=value, such as masking.ratio=0.5.' }];
  }
  const value = new YamlTree(text, origin);
  if (value.problems.length > 0) return value.problems.map(({ range: _range, sourceLine: _line, ...problem }) => problem);

  const parent = parentOf(tree, path, origin);
  const last = path.at(-1) as string | number;
  if (!parent || (Array.isArray(parent) && (typeof last !== 'number' || last > parent.length))) {
    return [{ code: 'MIM1011', severity: 'error', key, file: origin, message: `\`${key}\` cannot be set: there is no such place in the file.` }];
  }
  const slots = parent as Record<string | number, unknown>;
  if (value.value === null || value.value === undefined) {
    if (Array.isArray(parent)) parent.splice(last as number, 1);
    else delete slots[last];
  } else {
    slots[last] = value.value;
  }
  tree.override(path, value.value, origin);
  return [];
}

/** The mapping or list that holds the last step of `path`; sections that are not there yet are made. */
function parentOf(tree: YamlTree, path: Path, origin: string): object | undefined {
  let current = tree.value;
  for (const [index, step] of path.slice(0, -1).entries()) {
    if (typeof current !== 'object' || current === null) return undefined;
    const slots = current as Record<string | number, unknown>;
    const child = Object.hasOwn(slots, step) ? slots[step] : undefined;
    const shortForm = path.length === 2 ? shortForms[String(step)] : undefined;
    if (typeof child === 'string' && shortForm) slots[step] = { [shortForm]: child };
    else if (child === undefined && !Array.isArray(current)) {
      slots[step] = Object.create(null);
      tree.override(path.slice(0, index + 1), {}, origin);
    }
    current = slots[step];
  }
  return typeof current === 'object' && current !== null ? current : undefined;
}
