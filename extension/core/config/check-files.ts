/**
 * Whether the files an experiment names are there and look like what they are said to be: a glance, before anything is
 * opened in earnest. It reads a few folder listings, never the images or weights themselves.
 */
import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, extname, join, sep } from 'node:path';
import { isHubReference, parseHubReference } from '../hub/reference';
import { type Problem, UserError } from '../problems';
import type { Locator } from './location';
import { ProblemList } from './problem-list';
import { absolutePath } from './resolve';
import type { DataConfig, Experiment } from './schema';
import { closest } from './suggest';

const IMAGE = /\.(jpe?g|png|webp)$/i;
const WEIGHTS = ['.safetensors', '.bin', '.pth', '.pt'];

/** What a path of each kind holds, for the search and for the hint. */
const kinds: Readonly<Record<Exclude<DataConfig['kind'], 'auto' | 'folder' | 'shapes'>, { name: RegExp; hint: string }>> = {
  tar: { name: /\.tar$/i, hint: 'Give an uncompressed .tar, or a folder of .tar shards.' },
  cifar10: { name: /^(data_batch_\d|test_batch)(\.bin)?$|^cifar-10.*\.tar(\.gz)?$/i, hint: 'Give the folder of the official binary version, with data_batch_1.bin … data_batch_5.bin and test_batch.bin.' },
  cifar100: { name: /^(train|test)(\.bin)?$|^cifar-100.*\.tar(\.gz)?$/i, hint: 'Give the folder of the official binary version, with train.bin and test.bin.' },
  idx: { name: /\bidx\d-ubyte(\.gz)?$|\.idx\d?(\.gz)?$/i, hint: 'Give the folder with files such as train-images-idx3-ubyte.gz and train-labels-idx1-ubyte.gz.' },
  parquet: { name: /\.parquet$/i, hint: 'Give a .parquet file, or a folder of them.' },
};

/** @param file the experiment's file, to whose folder paths are relative */
export async function checkFiles(experiment: Experiment, file: string, locate: Locator): Promise<Problem[]> {
  const problems = new ProblemList(file, locate);
  const { data, teacher, init } = experiment;
  if (data.kind !== 'shapes') {
    if (data.path !== undefined) await checkData('data.path', data.path, experiment, problems);
    if (data.test_path !== undefined) await checkData('data.test_path', data.test_path, experiment, problems);
  }
  if (teacher?.checkpoint !== undefined) await checkWeights('teacher.checkpoint', 'teacher', teacher.checkpoint, problems);
  if (init !== undefined) await checkWeights('init.checkpoint', 'checkpoint', init.checkpoint, problems);
  return problems.all;
}

async function checkData(key: string, written: string, experiment: Experiment, problems: ProblemList): Promise<void> {
  const path = absolutePath(written, problems.file);
  const info = await stat(path).catch(() => undefined);
  if (!info) {
    problems.add('MIM1201', key, `${path} does not exist.`, await missingPathDetails(path, written));
    return;
  }
  const { kind } = experiment.data;
  if (kind === 'folder') {
    if (info.isDirectory()) await checkFolder(key, path, experiment, problems);
    else problems.add('MIM1202', key, `${path} is a file, but \`kind: folder\` reads folders of images.`, { hint: 'Use `kind: auto`, or give a folder.' });
  } else if (kind !== 'auto' && kind !== 'shapes' && !(await holds(path, info.isDirectory(), kinds[kind].name))) {
    problems.add('MIM1202', key, `${path} does not look like \`kind: ${kind}\`.`, { hint: kinds[kind].hint });
  } else if (kind === 'auto' && info.isDirectory() && (await list(path)).length === 0) {
    problems.add('MIM1202', key, `The folder ${path} is empty.`, { hint: 'Give the folder that holds the images.' });
  }
}

/** Whether a file has such a name, or something in a folder or one below it. */
async function holds(path: string, isFolder: boolean, name: RegExp): Promise<boolean> {
  if (!isFolder) return name.test(basename(path));
  const entries = await list(path);
  if (entries.some((entry) => name.test(entry.name))) return true;
  for (const folder of entries.filter(mayBeFolder)) {
    if ((await list(join(path, folder.name))).some((entry) => name.test(entry.name))) return true;
  }
  return false;
}

/** Class folders are needed only where labels are: to pretrain, a flat folder of images does. */
async function checkFolder(key: string, path: string, { method, evaluate }: Experiment, problems: ProblemList): Promise<void> {
  const entries = await list(path);
  const folders = entries.filter(mayBeFolder);
  const images = entries.filter((entry) => IMAGE.test(entry.name));
  const layout = 'Each class is a folder: PATH/CLASS/IMAGE.jpg.';
  if (folders.length === 0 && images.length === 0) {
    problems.add('MIM1202', key, `${path} holds neither class folders nor images.`, { hint: `${layout} Images are .jpg, .png or .webp.` });
  } else if (folders.length === 0 && (method === 'supervised' || evaluate.length > 0)) {
    const reader = method === 'supervised' ? '`method: supervised` learns from labels' : '`evaluate` needs labels';
    problems.add('MIM1203', key, `${path} holds ${images.length} images but no class folders, and ${reader}.`, { hint: layout });
  }
}

/** @param what it is called in the messages */
async function checkWeights(key: string, what: 'teacher' | 'checkpoint', written: string, problems: ProblemList): Promise<void> {
  if (isHubReference(written)) return checkReference(key, written, problems);
  const path = absolutePath(written, problems.file);
  const info = await stat(path).catch(() => undefined);
  if (!info) {
    const details = await missingPathDetails(path, written);
    problems.add('MIM1204', key, `The ${what} ${path} does not exist.`, what === 'teacher' ? { ...details, hint: `${details.hint} A run of \`mim teacher\` makes one.` } : details);
  } else if (info.isDirectory()) {
    const names = (await list(path)).map((entry) => entry.name);
    const known = names.some((name) => name === 'checkpoints' || /^step-\d+$/.test(name) || name === 'model.safetensors' || name === 'pytorch_model.bin');
    if (known) return;
    problems.add('MIM1205', key, `The folder ${path} holds no ${what}.`, { hint: 'Give a weights file, a run’s folder, or a folder with model.safetensors or pytorch_model.bin.' });
  } else if (!WEIGHTS.includes(extname(path).toLowerCase())) {
    problems.add('MIM1205', key, `${path} does not look like weights.`, { hint: `A ${what} is read from ${WEIGHTS.join(', ')} files or from a run’s folder.` });
  } else if (info.size === 0) {
    problems.add('MIM1205', key, `${path} is empty.`, { hint: 'Download or copy it again.' });
  }
}

/** Its form alone: whether the Hub has it is asked when it is downloaded. */
function checkReference(key: string, written: string, problems: ProblemList): void {
  try {
    parseHubReference(written);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    problems.add(error.code, key, error.message, { hint: error.hint });
  }
}

/** Where a path leaves what exists, and the name there that may have been meant. */
async function missingPathDetails(path: string, written: string): Promise<{ hint: string; replacement?: string }> {
  let missing = path;
  while (dirname(missing) !== missing && !(await stat(dirname(missing)).catch(() => undefined))) missing = dirname(missing);
  const folder = dirname(missing);
  const names = (await list(folder)).map((entry) => entry.name);
  const suggestion = closest(basename(missing), names);
  if (suggestion) return { hint: `There is ${join(folder, suggestion)}. Paths are relative to the experiment’s file.`, ...mended(written, path, missing, suggestion) };
  return { hint: `${folder} exists, ${basename(missing)} in it does not. Paths are relative to the experiment’s file.` };
}

/** The path as written with the name that is there, as one writes it in YAML. */
function mended(written: string, path: string, missing: string, name: string): { replacement?: string } {
  const below = path.slice(missing.length).split(sep).filter((step) => step !== '').length;
  const steps = written.replace(/\/+$/, '').split('/');
  const at = steps.length - 1 - below;
  if (steps[at] !== basename(missing)) return {};
  const fixed = steps.with(at, name).join('/');
  return { replacement: /^[\w./~@+-]+$/.test(fixed) ? fixed : JSON.stringify(fixed) };
}

/** Links are followed by whoever opens them. */
function mayBeFolder(entry: Dirent): boolean {
  return !entry.name.startsWith('.') && (entry.isDirectory() || (entry.isSymbolicLink() && extname(entry.name) === ''));
}

/** The entries of a folder; none where it cannot be read. */
async function list(folder: string): Promise<Dirent[]> {
  return readdir(folder, { withFileTypes: true }).catch(() => []);
}
