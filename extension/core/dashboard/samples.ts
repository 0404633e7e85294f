/** Pictures of the same images along the trainings, of all runs at the same step. */
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import type { LibraryRun } from '../library/library-run';
import type { DashboardState, SamplesData } from '../protocol/dashboard';

type Picture = SamplesData['pictures'][number];

const NAME = /^([a-z][a-z-]*)-(\d+)\.png$/;
/** In which order kinds are offered; others follow. */
const KINDS = ['masks', 'attention', 'reconstruction'];

/** `uri` of a picture is its absolute path here: only the panel's host can make URIs the panel may load. */
export async function samplesData(selected: readonly LibraryRun[], options: DashboardState['samples']): Promise<SamplesData> {
  const all = (await Promise.all(selected.map(picturesOf))).flat();
  const found = new Set(all.map(({ kind }) => kind));
  const kinds = [...KINDS.filter((kind) => found.has(kind)), ...[...found].filter((kind) => !KINDS.includes(kind)).sort()];
  const steps = [...new Set(all.map(({ step }) => step))].sort((a, b) => a - b);
  const step = options.step ?? steps.at(-1);
  const wanted = options.kind !== undefined && found.has(options.kind) ? [options.kind] : kinds;
  const pictures = selected.flatMap(({ key }) => wanted.flatMap((kind) => nearest(all.filter((picture) => picture.run === key && picture.kind === kind), step)));
  return { view: 'samples', kinds, steps, step, pictures };
}

/** The last one not after the step. */
function nearest(pictures: readonly Picture[], step: number | undefined): Picture[] {
  const before = pictures.filter((picture) => step === undefined || picture.step <= step);
  return before.toSorted((a, b) => b.step - a.step).slice(0, 1);
}

async function picturesOf({ key, origin }: LibraryRun): Promise<Picture[]> {
  if (origin !== 'mim') return [];
  const folder = path.join(key, 'samples');
  const names = await readdir(folder).catch(() => []);
  return names.flatMap((name) => {
    const [, kind, step] = NAME.exec(name) ?? [];
    return kind === undefined ? [] : [{ run: key, kind, step: Number(step), uri: path.join(folder, name) }];
  });
}
