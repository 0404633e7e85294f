/** Where what a frozen teacher says of an experiment's images is kept, by what it depends on, and whether there is room. */
import { createHash } from 'node:crypto';
import { mkdir, readdir, stat, statfs } from 'node:fs/promises';
import path from 'node:path';
import { cacheFolder } from '../core/files/cache-folder';
import { explainWriteError, fingerprintFile } from '../core/files/durable-files';
import { UserError } from '../core/problems';
import { bytes } from '../core/text/format';
import { identityOf } from './data/identity';
import type { Looking } from './methods/method';
import type { Prepared } from './prepare';
import { lookLayout } from './teachers/look-record';
import type { LookPlace } from './teachers/look-store';

/** Of the layout of records and of what is computed for them. */
const VERSION = 1;

const BLOCK_BYTES = 512;

/** @param engine its kind: each rounds in its own way */
export async function placeOfLooks(prepared: Prepared, looking: Looking, engine: string): Promise<LookPlace> {
  const identity = await identityOfLooks(prepared, looking, engine);
  const name = createHash('sha256').update(JSON.stringify(identity)).digest('hex').slice(0, 32);
  const folder = path.join(prepared.experiment.teacher?.cache?.folder ?? cacheFolder('teacher'), name);
  return { folder, layout: lookLayout(looking.specs(1)), identity };
}

/**
 * All that what is kept depends on, in an order of its own: the weights and how they are read, the images and how they are cropped,
 * what is asked. Pixels are compared record by record.
 */
async function identityOfLooks({ experiment, teacher, train }: Prepared, looking: Looking, engine: string): Promise<object> {
  const { data, student } = experiment;
  const { report, shape } = teacher!;
  return {
    version: VERSION,
    engine,
    teacher: { sha256: (await fingerprintFile(report.file)).sha256, format: report.format, shape: Object.entries(shape).toSorted(([a], [b]) => (a < b ? -1 : 1)) },
    ...identityOf(train, data),
    crops: { image_size: data.image_size, scale: data.crop_scale, ratio: data.crop_ratio, flip: data.flip, mean: data.mean, std: data.std, seed: data.seed },
    patch_size: student.patchSize,
    asked: Object.keys(looking.specs(1)),
  };
}

/** @throws UserError MIM8007 where the cache of these images would be larger than it may be, or than what the disk has left */
export async function requireRoom(prepared: Prepared, engine: string): Promise<void> {
  const { looking } = prepared.method;
  const cache = prepared.experiment.teacher?.cache;
  if (cache === undefined || looking === undefined) return;
  const { folder, layout } = await placeOfLooks(prepared, looking, engine);
  const aView = layout.recordBytes * prepared.train.length;
  const whole = aView * cache.views;
  const size = `${cache.views} ${cache.views === 1 ? 'view' : 'views'} of ${prepared.train.length} images take ${bytes(whole)}`;
  const allowed = cache.max_gb * 1e9;
  const others = await bytesBeside(folder);
  if (whole + others > allowed) {
    const beside = others === 0 ? '' : `, of which ${bytes(others)} are taken by what other teachers or images left in ${path.dirname(folder)}`;
    const otherwise = others === 0 ? 'raise `max_gb`' : 'remove what no run needs there, or raise `max_gb`';
    throw new UserError('MIM8007', `The teacher's cache would be too large: ${size}, and \`teacher.cache.max_gb\` allows ${bytes(allowed)}${beside}.`, roomHint(aView, allowed - others, otherwise), 2);
  }
  const room = (await freeBytes(folder)) + (await writtenBytes(folder));
  if (whole > room) throw new UserError('MIM8007', `The teacher's cache does not fit on the disk of ${folder}: ${size}, and ${bytes(room)} are free or part of it.`, roomHint(aView, room, 'name another `folder`'), 2);
}

function roomHint(aView: number, room: number, otherwise: string): string {
  const views = Math.max(0, Math.floor(room / aView));
  return views === 0 ? `Not one view fits: ${otherwise}, use fewer images (\`data.limit\`), or leave \`cache\` out.` : `\`views: ${views}\` ${views === 1 ? 'fits' : 'fit'}; or ${otherwise}.`;
}

/** What the other caches in the same folder have on disk. */
async function bytesBeside(folder: string): Promise<number> {
  const parent = path.dirname(folder);
  const names = (await readdir(parent, { withFileTypes: true }).catch(() => [])).filter((entry) => entry.isDirectory() && entry.name !== path.basename(folder));
  const sizes = await Promise.all(names.map(({ name }) => writtenBytes(path.join(parent, name))));
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** Makes the folder, so that the disk it will be on is asked. */
async function freeBytes(folder: string): Promise<number> {
  await mkdir(folder, { recursive: true }).catch((error: unknown) => {
    throw explainWriteError(error, folder);
  });
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

/** What its files have on disk; they are sparse. What vanishes meanwhile has nothing. */
async function writtenBytes(folder: string): Promise<number> {
  const names = await readdir(folder).catch(() => []);
  const files = await Promise.all(names.map((name) => stat(path.join(folder, name)).catch(() => ({ blocks: 0 }))));
  return files.reduce((sum, { blocks }) => sum + blocks * BLOCK_BYTES, 0);
}
