/** From the `data` part of an experiment to its images. */
import type { DataConfig } from '../../core/config/schema';
import { UserError } from '../../core/problems';
import { openCifar } from './cifar-source';
import { openFolder } from './folder-source';
import { openIdx } from './idx-source';
import { locate, type Place } from './locate';
import { openParquet } from './parquet-source';
import { ShapesSource } from './shapes-source';
import type { ImageSource } from './source';
import { holdOut, limitTo } from './subset-source';
import { openTar } from './tar-source';

export type Split = 'train' | 'test';

/**
 * The training or the test images. The test images are `test_path`, else the test split found beside the training images, else a
 * share `holdout` of those, drawn by `seed` and left out of training. `limit` and `test_limit` draw by `seed` too. `seed` is the data's own,
 * so that a student, its baselines and its teacher agree on what was held out.
 * @param config with absolute paths, as resolved.
 * @throws UserError MIM20xx and MIM21xx: what is wrong with the path or the files there.
 */
export async function openImageSource(config: DataConfig, split: Split, seed: number): Promise<ImageSource> {
  const source = await openSplit(config, split, seed);
  const limit = split === 'train' ? config.limit : config.test_limit;
  return limit === undefined ? source : limitTo(source, limit, seed);
}

async function openSplit(config: DataConfig, split: Split, seed: number): Promise<ImageSource> {
  if (config.kind === 'shapes') {
    const size = split === 'train' ? config.size : config.test_size;
    return new ShapesSource({ kind: 'shapes', seed, split, imageSize: config.image_size }, size);
  }
  if (!config.path) throw new UserError('MIM1117', `\`data.kind: ${config.kind}\` needs \`data.path\`.`, 'Only `kind: shapes` makes its own images.');
  const located = await locate(config.path, config.kind);
  const testPlace = config.test_path ? await locateTest(config.test_path, config.kind) : located.test;
  const train = await openPlace(located.train, 'train');
  if (testPlace) return split === 'train' ? train : openPlace(testPlace, 'test', train.classNames);
  if (config.holdout === 0) {
    if (split === 'train') return train;
    throw new UserError('MIM2005', `There are no test images: none were found beside ${config.path}, and \`data.holdout\` is 0.`, 'Give `data.test_path`, or a `data.holdout` above 0.');
  }
  if (train.length < 2) throw new UserError('MIM2005', `${config.path} holds ${train.length} image, too few to hold one out.`, 'Give more images, or `data.test_path`.');
  return holdOut(train, config.holdout, seed)[split];
}

async function locateTest(path: string, kind: Exclude<DataConfig['kind'], 'shapes'>): Promise<Place> {
  const located = await locate(path, kind);
  return located.test ?? located.train;
}

/** @param known class names of the training split. */
async function openPlace(place: Place, split: Split, known?: readonly string[]): Promise<ImageSource> {
  switch (place.kind) {
    case 'folder':
      return openFolder(place.paths[0]!, known);
    case 'tar':
      return openTar(place.paths, known);
    case 'cifar10':
    case 'cifar100':
      return openCifar(place.kind, place.paths, split);
    case 'idx':
      return openIdx(onlyFile(place));
    case 'parquet':
      return openParquet(place.paths, known);
    default:
      throw new Error(`No source for ${place.kind satisfies never}`);
  }
}

/** idx sets are one file of images a split; of several nobody can tell which is meant. */
function onlyFile(place: Place): string {
  if (place.paths.length === 1) return place.paths[0]!;
  throw new UserError('MIM2007', `There are several idx image files: ${place.paths.join(', ')}.`, 'Name one of them in `data.path`.');
}
